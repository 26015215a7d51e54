"""What people and machines are told: pure functions from the facts of a transition to mails and payloads."""
