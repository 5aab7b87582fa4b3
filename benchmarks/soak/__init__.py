"""What a server withstands: too much load, bulk, many clients, drains, new versions, workers that die."""
