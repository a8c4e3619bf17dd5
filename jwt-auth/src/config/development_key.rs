//! The development key, for a debug build without a configured key: created once, in a file that Git and Docker ignore.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::config::ConfigProblem;
use crate::keys::{Algorithm, Family, Key, KeyMaterial, secret_command};

/// The kind of build, and the folder of the key.
pub(super) struct Origin<'a> {
    pub(super) debug_build: bool,
    pub(super) folder: &'a Path,
}

/// The files that show that a folder is copied into images.
const DOCKER_FILES: [&str; 6] = [
    "Dockerfile",
    "Containerfile",
    "compose.yaml",
    "compose.yml",
    "docker-compose.yaml",
    "docker-compose.yml",
];

/// The stored key, created on the first call. An error in a release build, and for algorithms with a key pair.
pub(super) fn key(algorithm: Algorithm, origin: &Origin<'_>) -> Result<Key, ConfigProblem> {
    let field = "JWT_AUTH_SECRET_KEY";
    if algorithm.family() != Family::Hmac {
        return Err(ConfigProblem::new(
            "JWT_AUTH_PRIVATE_KEY",
            format!("{algorithm} needs a key pair, and none is configured"),
            "export JWT_AUTH_PRIVATE_KEY=file:private.pem",
        ));
    }
    if !origin.debug_build {
        return Err(ConfigProblem::new(
            field,
            "no key is configured, and only a debug build creates one",
            format!("create one: {}", secret_command(algorithm.size())),
        ));
    }
    let text = stored(origin.folder).map_err(|error| {
        ConfigProblem::new(
            field,
            format!(
                "no key is configured, and the folder {} for a development key cannot be used: {error}",
                origin.folder.display()
            ),
            format!("create one: {}", secret_command(algorithm.size())),
        )
    })?;
    Ok(Key::secret(algorithm, KeyMaterial::prefixed(&text)))
}

fn stored(folder: &Path) -> io::Result<Zeroizing<String>> {
    let file = folder.join("dev-key");
    match read(&file) {
        Ok(text) => {
            hide_from_docker(folder)?;
            eprintln!(
                "jwt-auth: JWT_AUTH_SECRET_KEY is not set; using the development key in {}",
                file.display()
            );
            return Ok(text);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    fs::create_dir_all(folder)?;
    hide_from_docker(folder)?;
    fs::write(folder.join(".gitignore"), "*\n")?;
    let mut bytes = Zeroizing::new([0_u8; 64]);
    getrandom::fill(&mut *bytes).map_err(|_| io::Error::other("no random bytes"))?;
    let text = Zeroizing::new(format!("base64:{}", STANDARD.encode(*bytes)));
    // A hard link publishes the complete file in one step, and only the first of two processes succeeds.
    let mut name = [0_u8; 8];
    getrandom::fill(&mut name).map_err(|_| io::Error::other("no random bytes"))?;
    let draft = folder.join(format!("dev-key.{:x}", u64::from_ne_bytes(name)));
    private_file(&draft)?.write_all(text.as_bytes())?;
    let linked = fs::hard_link(&draft, &file);
    fs::remove_file(&draft)?;
    match linked {
        Ok(()) => {
            eprintln!(
                "jwt-auth: JWT_AUTH_SECRET_KEY is not set; created a development key in {} (a release build needs a configured key)",
                file.display()
            );
            Ok(text)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(&file),
        Err(error) => Err(error),
    }
}

/// Adds the folder to the `.dockerignore` beside it, if the project has files for Docker and lists it nowhere: an image
/// is given to others, and Docker does not read `.gitignore`.
fn hide_from_docker(folder: &Path) -> io::Result<()> {
    let Some(name) = folder.file_name().and_then(|name| name.to_str()) else { return Ok(()) };
    let project = folder.parent().unwrap_or(Path::new(""));
    let ignore = project.join(".dockerignore");
    let listed = match fs::read_to_string(&ignore) {
        Ok(listed) => listed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if !DOCKER_FILES.iter().any(|file| project.join(file).exists()) {
                return Ok(());
            }
            String::new()
        }
        Err(error) => return Err(error),
    };
    let is_it = |line: &str| line.trim().trim_matches('/').trim_start_matches("**/") == name;
    if listed.lines().any(is_it) {
        return Ok(());
    }
    let separator = if listed.is_empty() || listed.ends_with('\n') { "" } else { "\n" };
    let mut file = fs::OpenOptions::new().create(true).append(true).open(&ignore)?;
    writeln!(file, "{separator}**/{name}")?;
    eprintln!("jwt-auth: added {name} to {}, because the key is in it", ignore.display());
    Ok(())
}

/// The stored key. A key that other users can access is not secret, and is refused.
fn read(file: &Path) -> io::Result<Zeroizing<String>> {
    let metadata = fs::symlink_metadata(file)?;
    if !metadata.is_file() {
        return Err(io::Error::other(format!("{} is not a file", file.display())));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        if metadata.mode() & 0o077 != 0 {
            return Err(io::Error::other(format!(
                "other users can access {0}; run chmod 600 {0}",
                file.display()
            )));
        }
        // Linux names the user of a process by the owner of its folder. Elsewhere only root can read the file of
        // another user with these permissions.
        let user = fs::metadata("/proc/self").map(|process| process.uid());
        if user.is_ok_and(|user| user != metadata.uid()) {
            return Err(io::Error::other(format!(
                "{} belongs to another user; remove it, and a new key is created",
                file.display()
            )));
        }
    }
    fs::read_to_string(file).map(Zeroizing::new)
}

#[cfg(unix)]
fn private_file(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn private_file(path: &Path) -> io::Result<fs::File> {
    fs::File::create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("jwt-auth-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn the_key_is_stored_once_ignored_by_git_and_private() {
        let folder = folder("dev-key");
        let first = stored(&folder).unwrap();
        assert_eq!(*first, *stored(&folder).unwrap());
        assert_eq!(fs::read_to_string(folder.join(".gitignore")).unwrap(), "*\n");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "the draft was removed");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(folder.join("dev-key")).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "other users cannot read it");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(folder.join("dev-key"), fs::Permissions::from_mode(0o644)).unwrap();
            assert!(stored(&folder).is_err(), "a key that other users can read is refused");
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_project_with_docker_files_gets_a_line_in_its_dockerignore() {
        let project = folder("docker");
        fs::create_dir_all(&project).unwrap();
        let (folder, ignore) = (project.join(".jwt-auth"), project.join(".dockerignore"));
        stored(&folder).unwrap();
        assert!(!ignore.exists(), "nothing here is copied into an image");
        fs::write(project.join("Dockerfile"), "FROM scratch\n").unwrap();
        stored(&folder).unwrap();
        assert_eq!(fs::read_to_string(&ignore).unwrap(), "**/.jwt-auth\n");
        fs::write(&ignore, "target").unwrap();
        stored(&folder).unwrap();
        stored(&folder).unwrap();
        assert_eq!(fs::read_to_string(&ignore).unwrap(), "target\n**/.jwt-auth\n");
        for known in [".jwt-auth", "/.jwt-auth/", "**/.jwt-auth"] {
            fs::write(&ignore, format!("{known}\n")).unwrap();
            stored(&folder).unwrap();
            assert_eq!(fs::read_to_string(&ignore).unwrap(), format!("{known}\n"));
        }
        fs::remove_dir_all(project).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_link_or_the_file_of_another_user_is_no_key() {
        let folder = folder("owner");
        stored(&folder).unwrap();
        let file = folder.join("dev-key");
        if std::os::unix::fs::chown(&file, Some(65_534), None).is_ok() {
            let error = stored(&folder).unwrap_err();
            assert!(error.to_string().contains("belongs to another user"), "{error}");
        }
        let other = folder.join("other");
        fs::rename(&file, &other).unwrap();
        std::os::unix::fs::symlink(&other, &file).unwrap();
        assert!(stored(&folder).unwrap_err().to_string().contains("is not a file"));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn processes_that_start_at_once_share_one_key() {
        let folder = folder("race");
        let keys: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..12).map(|_| scope.spawn(|| stored(&folder).unwrap().to_string())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_release_build_creates_no_key() {
        let folder = folder("release");
        let origin = Origin { debug_build: false, folder: &folder };
        let problem = key(Algorithm::HS512, &origin).unwrap_err();
        assert!(problem.fix().contains("head -c 64"));
        assert!(!folder.exists());
    }
}
