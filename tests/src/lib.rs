//! What the black-box tests share: running the product and real collectors, and reading what they show.

pub mod wire;
