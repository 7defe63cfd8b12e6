//! Stored texts of a column, whose indexes the library reads.
//!
//! The library would allocate a value for each row's text. So the library is given the column as a column of numbers: the
//! dictionary becomes a page with the numbers 0, 1, 2 …, and each page of plain texts becomes a page of plain numbers that
//! goes on counting. The numbers which the library returns are indexes of the texts here: a text of the dictionary is
//! converted once, however many rows have the text.
//!
//! ```text
//! pages of the column                            pages for the library    texts here
//! dictionary  "eni-1" "eni-2"                    0 1                      0 eni-1  1 eni-2
//! data        dictionary indexes 0 1 1 0         as they are
//! data        plain "eni-3" "eni-1"              plain 2 3                2 eni-3  3 eni-1
//! ```

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use parquet::errors::Result;

use crate::error::damage;

/// Octets of the length in front of a plain text.
const LENGTH: usize = 4;

/// Memory for a text beside its octets: the offset in [`TextPage`], and the index in the library's page.
pub(crate) const BESIDE_TEXT: usize = 2 * size_of::<u32>();

/// Texts of a column, shared by the source of its pages and the reader of its values.
#[derive(Debug, Clone, Default)]
pub(crate) struct SharedTexts(Arc<Mutex<StoredTexts>>);

impl SharedTexts {
    pub(crate) fn lock(&self) -> MutexGuard<'_, StoredTexts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Texts of the dictionary, and of the pages since the last batch of rows.
#[derive(Debug, Default)]
pub(crate) struct StoredTexts {
    /// Dictionary, until it is taken.
    dictionary: Option<TextPage>,
    /// Pages of plain texts, the oldest first.
    pages: VecDeque<TextPage>,
    /// Index of the next text.
    next: u32,
}

/// Texts of one page.
#[derive(Debug)]
pub(crate) struct TextPage {
    /// Index of the first text.
    first: u32,
    octets: Bytes,
    /// Offset of each text's length.
    offsets: Vec<u32>,
}

impl TextPage {
    /// Finds the texts, `most` at most. Ends at octets that are no text: `add_dictionary` refuses a short dictionary, the
    /// library a short page.
    fn of(first: u32, octets: Bytes, most: usize) -> Self {
        let mut offsets = Vec::with_capacity(most.min(octets.len() / LENGTH));
        let mut rest = &octets[..];
        while offsets.len() < most
            && let Some((length, behind)) = rest.split_first_chunk()
            && let Some(behind) = usize::try_from(u32::from_le_bytes(*length))
                .ok()
                .and_then(|length| behind.get(length..))
            && let Ok(offset) = u32::try_from(octets.len() - rest.len())
        {
            offsets.push(offset);
            rest = behind;
        }
        Self {
            first,
            octets,
            offsets,
        }
    }

    /// Number of texts.
    pub(crate) fn count(&self) -> usize {
        self.offsets.len()
    }

    /// Texts in order.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.offsets.iter().map(|&offset| self.text_at(offset))
    }

    fn text_at(&self, offset: u32) -> &[u8] {
        let (length, text) = self.octets[offset as usize..]
            .split_first_chunk()
            .expect("the offset of a text");
        &text[..u32::from_le_bytes(*length) as usize]
    }

    /// Text with this index, if the page has it.
    fn text(&self, index: u32) -> Option<&[u8]> {
        let offset = self.offsets.get(index.checked_sub(self.first)? as usize)?;
        Some(self.text_at(*offset))
    }

    /// Writes the indexes of the texts as a plain page of 32-bit numbers.
    fn write_indexes(&self, page: &mut Vec<u8>) {
        let count = u32::try_from(self.offsets.len()).expect("offsets are 32-bit numbers");
        for index in self.first..self.first + count {
            page.extend_from_slice(&index.to_le_bytes());
        }
    }
}

impl StoredTexts {
    /// Takes over the dictionary, of so many texts, and returns the dictionary page for the library.
    pub(crate) fn add_dictionary(&mut self, octets: Bytes, texts: usize) -> Result<Bytes> {
        let dictionary = TextPage::of(0, octets, texts);
        if dictionary.offsets.len() != texts {
            return Err(damage("it has fewer values than its header states"));
        }
        let mut page = Vec::with_capacity(texts * LENGTH);
        dictionary.write_indexes(&mut page);
        self.next = self.index_behind(texts)?;
        self.dictionary = Some(dictionary);
        Ok(page.into())
    }

    /// Takes over a data page of plain texts, `most` at most, that stand behind the `levels` octets, and returns the data
    /// page for the library.
    pub(crate) fn add_page(
        &mut self,
        mut octets: Bytes,
        levels: usize,
        most: usize,
    ) -> Result<Bytes> {
        let levels = octets.split_to(levels);
        let texts = TextPage::of(self.next, octets, most);
        let count = texts.offsets.len();
        self.next = self.index_behind(count)?;
        let mut page = Vec::with_capacity(levels.len() + count * LENGTH);
        page.extend_from_slice(&levels);
        texts.write_indexes(&mut page);
        self.pages.push_back(texts);
        Ok(page.into())
    }

    /// Index behind so many further texts; an index is a signed number for the library.
    fn index_behind(&self, texts: usize) -> Result<u32> {
        u32::try_from(texts)
            .ok()
            .and_then(|texts| self.next.checked_add(texts))
            .filter(|next| i32::try_from(*next).is_ok())
            .ok_or_else(|| damage("its column has more texts than can be counted"))
    }

    /// Takes the dictionary, once the library has its page.
    pub(crate) fn take_dictionary(&mut self) -> Option<TextPage> {
        self.dictionary.take()
    }

    /// Forgets all pages but the last. Called between batches of rows: the library has read these pages to their end.
    pub(crate) fn forget_pages(&mut self) {
        let last = self.pages.len().saturating_sub(1);
        self.pages.drain(..last);
    }

    /// Memory of the pages in octets.
    pub(crate) fn size(&self) -> usize {
        let of_page = |page: &TextPage| page.octets.len() + page.offsets.len() * BESIDE_TEXT;
        self.pages.iter().map(of_page).sum()
    }

    /// Text with this index, if a plain page has it.
    pub(crate) fn text(&self, index: u32) -> Option<&[u8]> {
        self.pages.iter().find_map(|page| page.text(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(texts: &[&str]) -> Bytes {
        let text = |text: &&str| {
            let length = u32::try_from(text.len()).expect("a short text");
            [&length.to_le_bytes()[..], text.as_bytes()].concat()
        };
        texts.iter().flat_map(text).collect()
    }

    fn indexes(page: &Bytes) -> Vec<u8> {
        page.chunks(4).map(|index| index[0]).collect()
    }

    #[test]
    fn texts_are_numbered_on_from_page_to_page() {
        let mut stored = StoredTexts::default();
        let dictionary = stored.add_dictionary(plain(&["a", "bc"]), 2).expect("two");
        assert_eq!(indexes(&dictionary), [0, 1]);
        let taken = stored.take_dictionary().expect("the dictionary");
        assert_eq!(taken.texts().collect::<Vec<_>>(), [&b"a"[..], b"bc"]);
        let with_levels = Bytes::from([b"LLLL", &plain(&["", "d"])[..]].concat());
        let page = stored.add_page(with_levels, 4, 9).expect("two");
        assert_eq!(&page[..4], b"LLLL");
        assert_eq!(indexes(&page.slice(4..)), [2, 3]);
        stored
            .add_page(plain(&["e", "f"]), 0, 1)
            .expect("one of two");
        assert_eq!(stored.text(3), Some(&b"d"[..]));
        stored.forget_pages();
        assert_eq!(
            [2, 3, 4, 5].map(|index| stored.text(index)),
            [None, None, Some(&b"e"[..]), None]
        );
    }

    #[test]
    fn damaged_texts_end_a_page_and_refuse_a_dictionary() {
        let mut short = plain(&["a", "bc"]).to_vec();
        short.pop();
        let mut stored = StoredTexts::default();
        assert!(stored.add_dictionary(short.clone().into(), 2).is_err());
        let page = stored.add_page(short.into(), 0, 2).expect("a page");
        assert_eq!(indexes(&page), [0]);
        let huge = Bytes::from_static(&[0xff; 7]);
        assert!(stored.add_page(huge, 0, 5).expect("no text").is_empty());
    }
}
