"""The documented API: what a program asks for, and live and recorded streams."""
