"""When an endpoint may be sent to: pure controllers. `now` and randomness are arguments."""
