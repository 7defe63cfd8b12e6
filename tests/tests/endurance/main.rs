//! Load, and many processes at once. The sizes are small here and full in `scripts/measure-reliability`. The soak is among
//! the tests of the function.

#![allow(missing_docs)]

mod load;
mod processes;

/// Reads a size from the environment; the default is small.
fn size(variable: &str, small: usize) -> usize {
    std::env::var(variable).map_or(small, |text| text.parse().expect("a number"))
}
