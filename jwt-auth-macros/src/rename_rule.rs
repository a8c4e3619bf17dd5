//! The rules by which the name of a variant becomes a name in a token, as serde has them.

/// A rule of `rename_all`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RenameRule {
    /// The name of the variant.
    #[default]
    Pascal,
    Lower,
    Upper,
    Camel,
    /// Words with this between them, in capitals or not.
    Words {
        separator: char,
        is_upper: bool,
    },
}

impl RenameRule {
    pub(crate) const NAMES: [&'static str; 8] = [
        "lowercase",
        "UPPERCASE",
        "PascalCase",
        "camelCase",
        "snake_case",
        "SCREAMING_SNAKE_CASE",
        "kebab-case",
        "SCREAMING-KEBAB-CASE",
    ];

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "lowercase" => Self::Lower,
            "UPPERCASE" => Self::Upper,
            "PascalCase" => Self::Pascal,
            "camelCase" => Self::Camel,
            "snake_case" => Self::Words { separator: '_', is_upper: false },
            "SCREAMING_SNAKE_CASE" => Self::Words { separator: '_', is_upper: true },
            "kebab-case" => Self::Words { separator: '-', is_upper: false },
            "SCREAMING-KEBAB-CASE" => Self::Words { separator: '-', is_upper: true },
            _ => return None,
        })
    }

    pub(crate) fn apply(self, variant: &str) -> String {
        match self {
            Self::Pascal => variant.to_owned(),
            Self::Lower => variant.to_ascii_lowercase(),
            Self::Upper => variant.to_ascii_uppercase(),
            Self::Camel => {
                let first = variant.chars().next().map_or(0, char::len_utf8);
                format!("{}{}", variant[..first].to_ascii_lowercase(), &variant[first..])
            }
            Self::Words { separator, is_upper } => {
                let mut words = String::new();
                for (at, c) in variant.char_indices() {
                    if at > 0 && c.is_uppercase() {
                        words.push(separator);
                    }
                    words.push(if is_upper {
                        c.to_ascii_uppercase()
                    } else {
                        c.to_ascii_lowercase()
                    });
                }
                words
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_writes_names_as_serde_does() {
        let expected = [
            "deletenotes",
            "DELETENOTES",
            "DeleteNotes",
            "deleteNotes",
            "delete_notes",
            "DELETE_NOTES",
            "delete-notes",
            "DELETE-NOTES",
        ];
        for (name, expected) in RenameRule::NAMES.into_iter().zip(expected) {
            let rule = RenameRule::from_name(name).expect("a rule");
            assert_eq!(rule.apply("DeleteNotes"), expected, "{name}");
        }
        assert_eq!(RenameRule::from_name("Kebab-Case"), None);
    }
}
