//! A folder that is removed when it is dropped.

use std::path::{Path, PathBuf};

/// A folder for the files of one test.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new folder.
    ///
    /// # Panics
    ///
    /// If it cannot be created.
    pub fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("jwt-auth-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of a database in the folder.
    pub fn file(&self) -> PathBuf {
        self.0.join("sessions.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
