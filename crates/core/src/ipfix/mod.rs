//! What leaves.
pub mod element;
