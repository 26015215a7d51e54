"""A sender that can be killed at a chosen moment: `python -m tests.alerts.sender <project> <moment> [mark-before-send]`.

It says `here` at the moment and waits to be killed. The planted bug marks every message as sent before sending it.
"""

import sys
import time


def wait_to_be_killed() -> None:
    print("here", flush=True)
    time.sleep(60)


def main(project_id: int, moment: str, *, has_bug: bool) -> None:
    import django

    django.setup()
    from alerts import dispatch
    from alerts.channels.shape import Outcome, Result

    send_all = dispatch._send_all

    def sending(leased):
        if has_bug:
            for one in leased:
                dispatch._mark(one, Outcome(Result.SENT), dispatch.DispatchReport())
        if moment == "before-sending":
            wait_to_be_killed()
        outcomes = send_all(leased)
        if moment == "before-marking":
            wait_to_be_killed()
        return outcomes

    dispatch._send_all = sending
    dispatch.send_due(only=[project_id])


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], has_bug=sys.argv[3:] == ["mark-before-send"])
