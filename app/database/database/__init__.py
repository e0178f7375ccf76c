"""What is done to databases from inside their network: rotating their users, and exporting, restoring and comparing."""
