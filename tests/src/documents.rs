//! Configurations in `docs/`: tests run collectors exactly as documented.

use std::path::PathBuf;

/// Returns the text of a fenced block of this language below a heading of `docs/collectors.md`, counted from 0.
///
/// # Panics
///
/// If the document lacks the block.
pub fn collector_block(heading: &str, language: &str, index: usize) -> String {
    let path = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../docs/collectors.md"
    ));
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    block(&text, heading, language, index).unwrap_or_else(|| {
        panic!("docs/collectors.md: no block {index} of {language} in {heading}")
    })
}

fn block(text: &str, heading: &str, language: &str, index: usize) -> Option<String> {
    let (_, section) = text.split_once(&format!("\n## {heading}\n"))?;
    let section = section.split("\n## ").next()?;
    let start = format!("```{language}\n");
    let (_, rest) = section
        .match_indices(&start)
        .nth(index)
        .map(|(position, _)| section.split_at(position + start.len()))?;
    let (block, _) = rest.split_once("```")?;
    Some(block.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_belongs_to_its_section_and_language() {
        let text = "# All\n## One\n```sh\na\n```\n```yaml\nb\n```\n## Two\n```yaml\nc\n```\n```yaml\nd\n```\n";
        assert_eq!(block(text, "One", "yaml", 0).as_deref(), Some("b\n"));
        assert_eq!(block(text, "Two", "yaml", 1).as_deref(), Some("d\n"));
        assert_eq!(block(text, "One", "yaml", 1), None);
        assert_eq!(block(text, "Three", "yaml", 0), None);
    }
}
