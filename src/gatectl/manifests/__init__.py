"""The manifests: from paths and commits to what is desired, and to what is wrong with it. Nothing here asks a platform."""
