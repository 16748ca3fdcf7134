"""The repositories made from this template, as the platform engineer sees them: read, judged, shown, updated."""
