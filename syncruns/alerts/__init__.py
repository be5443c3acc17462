"""E-mail to people: what to tell them, when, and how it is sent."""
