//! A description as numbered lines, so that every complaint can name its place.

/// One line and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: usize,
    /// Below the (one) `m=` line, or above it.
    pub(super) in_media: bool,
    /// Without its end.
    pub(super) text: &'a str,
}

impl<'a> Line<'a> {
    /// The value of an attribute line of this name: `""` for a flag.
    fn attribute(&self, name: &str) -> Option<&'a str> {
        let rest = self.text.strip_prefix("a=")?.strip_prefix(name)?;
        if rest.is_empty() { Some("") } else { rest.strip_prefix(':') }
    }
}

/// All lines of a text that the parser has taken.
pub(super) struct Lines<'a>(Vec<Line<'a>>);

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut in_media = false;
        let numbered = text.lines().enumerate().map(|(index, text)| {
            in_media |= text.starts_with("m=");
            Line { number: index + 1, in_media, text }
        });
        Self(numbered.collect())
    }

    /// The `m=` lines.
    pub(super) fn media(&self) -> impl Iterator<Item = Line<'a>> {
        self.0.iter().copied().filter(|line| line.text.starts_with("m="))
    }

    /// The lines of an attribute, with their values.
    pub(super) fn attributes<'b>(&'b self, name: &'b str) -> impl Iterator<Item = (Line<'a>, &'a str)> + 'b {
        self.0.iter().filter_map(move |line| Some((*line, line.attribute(name)?)))
    }

    /// The first line that is empty.
    pub(super) fn blank(&self) -> Option<usize> {
        self.0.iter().find(|line| line.text.is_empty()).map(|line| line.number)
    }
}
