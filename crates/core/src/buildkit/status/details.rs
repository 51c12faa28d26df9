//! What a message tells beside the states of vertices.

use std::collections::HashMap;

/// Items in the message's order, which can be taken by vertex.
pub(super) struct Details<'a, T> {
    items: Vec<Option<&'a T>>,
    by_vertex: HashMap<&'a [u8], Vec<usize>>,
}

impl<'a, T> Details<'a, T> {
    pub(super) fn of(items: &'a [T], vertex_of: impl Fn(&'a T) -> &'a [u8]) -> Self {
        let mut by_vertex: HashMap<_, Vec<usize>> = HashMap::new();
        for (index, item) in items.iter().enumerate() {
            by_vertex.entry(vertex_of(item)).or_default().push(index);
        }
        Self {
            items: items.iter().map(Some).collect(),
            by_vertex,
        }
    }

    /// Those of one vertex.
    pub(super) fn take(&mut self, vertex: &[u8]) -> Vec<&'a T> {
        let places = self.by_vertex.remove(vertex).unwrap_or_default();
        let items = places.into_iter().map(|place| self.items[place].take());
        items.flatten().collect()
    }

    /// Those that have not been taken.
    pub(super) fn rest(self) -> impl Iterator<Item = &'a T> {
        self.items.into_iter().flatten()
    }
}
