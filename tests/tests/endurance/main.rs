//! Much, for long, and from many at once: load, a soak, and processes side by side. The sizes here are small; the full
//! ones are `scripts/measure-reliability`'s.

#![allow(missing_docs)]

mod load;
mod processes;
mod soak;
mod traffic;

/// A size, from the environment or small.
fn size(variable: &str, small: usize) -> usize {
    std::env::var(variable).map_or(small, |text| text.parse().expect("a number"))
}
