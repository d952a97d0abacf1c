"""What the person who runs Ensue asks of it from the command line."""
