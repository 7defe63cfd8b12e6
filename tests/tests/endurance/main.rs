//! Much, and from many at once: load, and processes side by side. The sizes here are small; the full ones are
//! `scripts/measure-reliability`'s. The soak is among the tests of the function.

#![allow(missing_docs)]

mod load;
mod processes;

/// A size, from the environment or small.
fn size(variable: &str, small: usize) -> usize {
    std::env::var(variable).map_or(small, |text| text.parse().expect("a number"))
}
