"""What a server withstands: too much load, bulk beside online calls, many clients, drains, new versions, dead workers."""
