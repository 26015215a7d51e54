"""Whether people use it. Pure: no Django here."""

from observatory.metrics.definitions import business
from observatory.metrics.definitions.making import users
from observatory.metrics.metric import Metric

METRICS: tuple[Metric, ...] = (
    users(
        "dau",
        "Daily users",
        1,
        "Distinct users with a call in a local day; over several days, the mean of the whole ones.",
    ),
    users("wau", "Weekly users", 7, "Distinct users with a call in the last 7 local days of the window."),
    users("mau", "Monthly users", 30, "Distinct users with a call in the last 30 local days of the window."),
    *business.ENGAGEMENT,
)
