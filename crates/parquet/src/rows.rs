//! Rows of a row group: the cells of the columns become records, or lines.

use flowlogs_core::flowlog::{FlowRecord, RowValues};
use flowlogs_source::{LineSink, MAX_LINE};

use crate::columns::FileColumns;
use crate::values::ColumnValues;

/// Receiver of the rows of a Parquet object.
pub trait RowSink: LineSink {
    /// Takes the record of a row. A row with a value that its field cannot have comes as a line, by [`LineSink::line`].
    ///
    /// # Errors
    /// The reader stops with the error.
    fn record(&mut self, record: &FlowRecord<'_>) -> Result<(), Self::Error>;
}

/// Columns of a row group, in step.
pub(crate) struct GroupColumns<'a> {
    file: &'a FileColumns,
    columns: Vec<ColumnValues>,
    /// Index of each text column in `columns`, and the cell of the current record's text.
    texts: Vec<(usize, u32)>,
    /// False if a text of the current record does not fit.
    texts_fit: bool,
    record: &'a mut RowValues,
    line: &'a mut Vec<u8>,
}

/// Row of a batch.
pub(crate) struct GroupRow<'g, 'a> {
    group: &'g mut GroupColumns<'a>,
    row: usize,
}

impl<'a> GroupColumns<'a> {
    /// Columns of a row group; `columns` are the read columns of `file`, in order.
    pub(crate) fn new(
        file: &'a FileColumns,
        columns: Vec<ColumnValues>,
        record: &'a mut RowValues,
        line: &'a mut Vec<u8>,
    ) -> Self {
        let is_text = |(_, values): &(usize, &ColumnValues)| values.cells().column.is_text();
        let texts = columns.iter().enumerate().filter(is_text);
        Self {
            file,
            texts: texts.map(|(index, _)| (index, 0)).collect(),
            texts_fit: false,
            columns,
            record,
            line,
        }
    }

    /// Columns with their values.
    pub(crate) fn columns(&mut self) -> &mut [ColumnValues] {
        &mut self.columns
    }

    /// Memory of the batch in octets.
    pub(crate) fn size(&self) -> usize {
        self.columns.iter().map(ColumnValues::size).sum()
    }

    /// Row of the current batch. Rows are taken in order from 0: texts are compared with those of the row before.
    pub(crate) fn row(&mut self, row: usize) -> GroupRow<'_, 'a> {
        GroupRow { group: self, row }
    }

    /// Sets the texts of the record if they are not those of the row before; always in row 0, because each batch numbers
    /// its cells anew.
    #[inline]
    fn set_texts(&mut self, row: usize) {
        let (mut is_new, mut is_new_identity) = (row == 0, row == 0);
        for (column, last) in &mut self.texts {
            let cells = self.columns[*column].cells();
            let cell = cells.index(row);
            if cell != *last {
                *last = cell;
                is_new = true;
                is_new_identity |= cells.column.is_identifier();
            }
        }
        if is_new {
            let texts = self.texts.iter();
            let texts = texts.map(|(column, cell)| (self.columns[*column].cells(), *cell));
            self.texts_fit = texts.clone().all(|(cells, cell)| cells.at(cell).fits());
            let texts = texts.map(|(cells, cell)| cells.text(cell));
            self.record.set_texts(texts, is_new_identity);
        }
    }
}

impl GroupRow<'_, '_> {
    /// Record of the row, if its values fit.
    #[inline]
    pub(crate) fn record(&mut self) -> Option<FlowRecord<'_>> {
        let group = &mut *self.group;
        group.set_texts(self.row);
        group.record.begin_row();
        let mut fit = group.texts_fit;
        for values in &group.columns {
            let cells = values.cells();
            if !cells.column.is_text() {
                let cell = cells.at(cells.index(self.row));
                fit &= cell.fits();
                group.record.set(&cells.column, cell);
            }
        }
        fit.then(|| group.record.record())
    }

    /// Line of the row, as AWS would have written the row into a text object, with `-` for columns that are not read.
    pub(crate) fn line(&mut self) -> &[u8] {
        let GroupColumns {
            file,
            columns,
            line,
            ..
        } = &mut *self.group;
        line.clear();
        let mut read = file.read.iter().zip(columns).peekable();
        for index in 0..file.count {
            if index > 0 {
                line.push(b' ');
            }
            match read.next_if(|(column, _)| column.index == index) {
                Some((_, values)) => values.write_text(self.row, line),
                None => line.push(b'-'),
            }
        }
        // A line over the limit is handed on as too long, never as a shorter line.
        line.truncate(MAX_LINE + 1);
        line
    }
}
