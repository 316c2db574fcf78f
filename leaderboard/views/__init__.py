"""Pages: a module per noun. A view fetches and renders; every state change is a call into `leaderboard.lifecycle`."""
