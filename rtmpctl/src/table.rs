//! Rows of text in columns.

use crate::paint::Paint;

/// A column.
#[derive(Debug)]
pub struct Column {
    name: &'static str,
    is_right: bool,
}

impl Column {
    /// Of words.
    pub fn left(name: &'static str) -> Self {
        Self { name, is_right: false }
    }

    /// Of numbers.
    pub fn right(name: &'static str) -> Self {
        Self { name, is_right: true }
    }
}

/// A heading and rows.
#[derive(Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty one.
    pub fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row, a cell for each column.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The lines; nothing where there is no row.
    pub fn to_text(&self, paint: Paint) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let mut widths: Vec<_> = self.columns.iter().map(|column| column.name.len()).collect();
        for row in &self.rows {
            for (widest, cell) in widths.iter_mut().zip(row) {
                *widest = (*widest).max(width(cell));
            }
        }
        let heading: Vec<_> = self.columns.iter().map(|column| column.name.to_owned()).collect();
        let mut text = paint.bold(&self.line(&heading, &widths)) + "\n";
        for row in &self.rows {
            text += &self.line(row, &widths);
            text.push('\n');
        }
        text
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, column), widest) in cells.iter().zip(&self.columns).zip(widths) {
            let gap = " ".repeat(widest.saturating_sub(width(cell)));
            let (before, behind) =
                if column.is_right { (gap, String::new()) } else { (String::new(), gap) };
            line.extend([before.as_str(), cell, &behind, "  "]);
        }
        line.trim_end().to_owned()
    }
}

/// How many places a cell takes on a terminal, where a colour takes none.
fn width(cell: &str) -> usize {
    let mut width = 0;
    let mut in_colour = false;
    for c in cell.chars() {
        match (in_colour, c) {
            (false, '\x1b') => in_colour = true,
            (true, 'm') => in_colour = false,
            (true, _) => {}
            (false, _) => width += 1,
        }
    }
    width
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_under_their_heading() {
        let mut table =
            Table::new(vec![Column::right("UID"), Column::left("USER"), Column::left("X")]);
        assert_eq!(table.to_text(Paint::default()), "");
        table.row(["1", "\x1b[1mal\u{ef}ce\x1b[0m", "x"].map(str::to_owned).to_vec());
        table.row(["60000", "b", ""].map(str::to_owned).to_vec());
        let want = "  UID  USER   X\n    1  \x1b[1mal\u{ef}ce\x1b[0m  x\n60000  b\n";
        assert_eq!(table.to_text(Paint::default()), want);
    }
}
