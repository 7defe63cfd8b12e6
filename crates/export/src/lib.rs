//! Puts finished IPFIX messages on a wire or in a file.
