"""The ways to a receiver, one file each, all of one shape: `send(Outgoing) -> Outcome`.

To add one: write a module with such a `send`, enter it in `CHANNELS`, and give `models.Delivery` its receiver. A
channel touches no database and raises nothing: what went wrong is in the outcome.
"""

from collections.abc import Callable, Mapping

from alerts.channels import email, webhook
from alerts.channels.shape import Outcome, Outgoing

CHANNELS: Mapping[str, Callable[[Outgoing], Outcome]] = {"email": email.send, "webhook": webhook.send}
