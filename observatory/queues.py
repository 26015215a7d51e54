"""The message queues and who serves them. A leaf, so that the web may know them without loading Celery."""

# Two nodes of pool solo, so that a hanging mail server (tell) never delays a rollup (measure).
NODES = {"measure": ("roll", "drift", "evaluate", "read", "partitions"), "tell": ("dispatch", "retain", "erase")}
QUEUES = tuple(queue for queues in NODES.values() for queue in queues)
