"""The version that results carry."""

VERSION = "0.1.0"
