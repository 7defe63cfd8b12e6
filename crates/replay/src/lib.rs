//! The command line, as a library so that its parts can be tested.
