"""Messages that nobody should send, many of them, against a real server: what it answers, and that it lives on."""
