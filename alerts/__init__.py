"""From a number to a told human: rules, evaluation, incidents, messages, channels, dispatch."""
