"""The mail folder: written whole, read by its project alone."""

import pytest

from tests.alerts.conftest import START


@pytest.fixture
def tell(project, mail_folder, send):
    """Send a trial to a recipient of the fresh project."""
    from alerts import receivers
    from ingest.projects.scope import project_scope

    with project_scope(project.id):
        recipient = receivers.add_recipient("oncall@example.com", START)

    def told():
        with project_scope(project.id):
            row = receivers.send_test(recipient)
        assert send().sent == 1
        return row

    return told


def test_a_mail_is_written_into_its_projects_folder_and_read_there(project, tell, mail_folder):
    from alerts import mailbox
    from ingest.projects.scope import project_scope

    rows = [tell(), tell()]
    assert sorted(path.name for path in (mail_folder / str(project.id)).iterdir()) == [
        f"{row.pk:012d}.eml" for row in rows
    ]
    with project_scope(project.id):
        newest, older = mailbox.messages()
        assert newest.name > older.name
        assert mailbox.messages(limit=1) == [newest]
        assert mailbox.message(older.name) == older
    assert newest.recipient == "oncall@example.com"
    assert newest.subject == f"Trial message of {project.name}"
    assert "Messages about incidents will come the same way." in " ".join(newest.text.split())
    assert newest.html.startswith("<!doctype html>")
    assert newest.sent_at.tzinfo is not None


def test_a_second_attempt_replaces_the_file_and_never_doubles_it(project, tell, mail_folder, send):
    from alerts.models import Delivery
    from ingest.projects.scope import project_scope

    row = tell()
    with project_scope(project.id):
        Delivery.objects.filter(pk=row.pk).update(state="pending", next_attempt_at=START)
    assert send().sent == 1
    assert len(list((mail_folder / str(project.id)).iterdir())) == 1


def test_another_project_sees_none_of_it(project, make_project, tell):
    from alerts import mailbox
    from ingest.projects.scope import NoProjectScope, project_scope

    row = tell()
    with project_scope(make_project().id):
        assert mailbox.messages() == []
        with pytest.raises(mailbox.NoSuchMail):
            mailbox.message(f"{row.pk:012d}.eml")
    with pytest.raises(NoProjectScope):
        mailbox.messages()


@pytest.mark.parametrize(
    "name", ["../1/000000000001.eml", "000000000001.eml/..", "", "a.eml", ".", "000000000001.eml\n", "1.eml"]
)
def test_no_name_leads_out_of_the_folder(project, tell, name):
    from alerts import mailbox
    from ingest.projects.scope import project_scope

    tell()
    with project_scope(project.id), pytest.raises(mailbox.NoSuchMail):
        mailbox.message(name)


def test_a_folder_that_cannot_be_written_is_a_failure_that_is_tried_again(project, mail_folder, send):
    from alerts import receivers
    from alerts.models import Delivery
    from ingest.projects.scope import project_scope

    mail_folder.write_text("a file where the folder should be")
    with project_scope(project.id):
        receivers.send_test(receivers.add_recipient("oncall@example.com", START))
    assert send().failed == 1
    mail_folder.unlink()
    with project_scope(project.id):
        Delivery.objects.update(next_attempt_at=START)
    assert send().sent == 1
