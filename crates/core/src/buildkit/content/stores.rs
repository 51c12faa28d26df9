//! The layouts of one build, by the names that the engine knows them by.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Layout;

/// Layouts by name. Dropping this takes back what is half written in them.
#[derive(Debug, Default)]
pub(crate) struct Stores(BTreeMap<String, Arc<Layout>>);

impl Stores {
    /// Adds a layout; one that is written stays where both are the same.
    pub(crate) fn add(&mut self, name: String, layout: Arc<Layout>) {
        self.0.entry(name).or_insert(layout);
    }

    /// The layouts, for those who read and write them.
    pub(crate) fn shared(&self) -> BTreeMap<String, Arc<Layout>> {
        self.0.clone()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Drop for Stores {
    fn drop(&mut self) {
        for layout in self.0.values() {
            layout.close();
        }
    }
}
