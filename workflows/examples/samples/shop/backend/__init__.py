"""What the shop counts and keeps."""
