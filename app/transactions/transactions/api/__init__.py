"""What speaks HTTP: routes, what comes before them, and the shapes of what they take and give."""
