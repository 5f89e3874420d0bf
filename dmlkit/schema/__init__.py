"""What every room shares and nobody owns alone: scales, layouts, columns, statuses. No I/O."""
