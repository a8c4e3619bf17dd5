//! The table of arguments, one row each: its name, its attributes, its effect and its reader.

use crate::argument_syntax::WrittenArgument;
use crate::attribute::{Attribute, GuardAttribute};
use crate::guard_arguments::GuardArguments;
use crate::mistakes::Mistakes;
use crate::readers::{
    read_audience, read_checks, read_danger, read_duration, read_flag, read_locations, read_path,
    read_permissions, read_revocation,
};

pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) taken_by: &'static [Attribute],
    pub(crate) effect: Effect,
    /// Checks the argument and stores its value.
    pub(crate) read: fn(&WrittenArgument, &mut GuardArguments, &mut Mistakes),
}

const JWT: Attribute = Attribute::Guard(GuardAttribute::JwtRequired);
const REFRESH: Attribute = Attribute::Guard(GuardAttribute::RefreshRequired);
const PUBLIC: Attribute = Attribute::Guard(GuardAttribute::Public);
const LOAD_CONFIG: Attribute = Attribute::LoadConfig;
const CHECK: Attribute = Attribute::Check;

/// Every argument once. Messages list the arguments in this order.
pub(crate) static ARGUMENTS: [Row; 15] = [
    Row {
        name: "optional",
        taken_by: &[JWT, REFRESH],
        effect: Effect::AdmitsAnonymous,
        read: |argument, into, mistakes| into.optional = read_flag(argument, mistakes),
    },
    Row {
        name: "fresh",
        taken_by: &[JWT],
        effect: Effect::None,
        read: |argument, into, mistakes| into.fresh = read_flag(argument, mistakes),
    },
    Row {
        name: "dpop",
        taken_by: &[JWT, REFRESH],
        effect: Effect::None,
        read: |argument, into, mistakes| into.dpop = read_flag(argument, mistakes),
    },
    Row {
        name: "max_age",
        taken_by: &[JWT],
        effect: Effect::DemandsToken,
        read: |argument, into, mistakes| into.max_age = read_duration(argument, mistakes),
    },
    Row {
        name: "scopes",
        taken_by: &[JWT],
        effect: Effect::DemandsToken,
        read: |argument, into, mistakes| into.scopes = read_permissions(argument, mistakes),
    },
    Row {
        name: "any_scope",
        taken_by: &[JWT],
        effect: Effect::DemandsToken,
        read: |argument, into, mistakes| into.any_scope = read_permissions(argument, mistakes),
    },
    Row {
        name: "roles",
        taken_by: &[JWT],
        effect: Effect::DemandsToken,
        read: |argument, into, mistakes| into.roles = read_permissions(argument, mistakes),
    },
    Row {
        name: "any_role",
        taken_by: &[JWT],
        effect: Effect::DemandsToken,
        read: |argument, into, mistakes| into.any_role = read_permissions(argument, mistakes),
    },
    Row {
        name: "locations",
        taken_by: &[JWT, REFRESH],
        effect: Effect::None,
        read: |argument, into, mistakes| into.locations = read_locations(argument, mistakes),
    },
    Row {
        name: "audience",
        taken_by: &[JWT, REFRESH],
        effect: Effect::None,
        read: |argument, into, mistakes| into.audience = read_audience(argument, mistakes),
    },
    Row {
        name: "check",
        taken_by: &[JWT, REFRESH],
        effect: Effect::None,
        read: |argument, into, mistakes| into.check = read_checks(argument, mistakes),
    },
    Row {
        name: "revocation",
        taken_by: &[JWT, REFRESH],
        effect: Effect::ChecksStore,
        read: |argument, into, mistakes| into.revocation = read_revocation(argument, mistakes),
    },
    Row {
        name: "danger",
        taken_by: &[JWT, REFRESH],
        effect: Effect::SkipsRevocation,
        read: |argument, into, mistakes| into.revocation = read_danger(argument, mistakes),
    },
    Row {
        name: "same_origin",
        taken_by: &[PUBLIC],
        effect: Effect::None,
        read: |argument, into, mistakes| into.same_origin = read_flag(argument, mistakes),
    },
    Row {
        name: "crate",
        taken_by: &[JWT, REFRESH, PUBLIC, LOAD_CONFIG, CHECK],
        effect: Effect::None,
        read: |argument, into, mistakes| into.crate_path = read_path(argument, "auth", mistakes),
    },
];

/// The effect of an argument that another argument may contradict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing: it applies to the tokens that a request carries.
    None,
    AdmitsAnonymous,
    /// Refuses a request without a token.
    DemandsToken,
    /// Checks revocation in the store itself.
    ChecksStore,
    SkipsRevocation,
}

impl Effect {
    /// The effect as a predicate, for a message.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::None => "applies to tokens",
            Self::AdmitsAnonymous => "admits anonymous requests",
            Self::DemandsToken => "demands a token",
            Self::ChecksStore => "demands a revocation check",
            Self::SkipsRevocation => "skips it",
        }
    }

    /// The effect that contradicts this one. Each pair is listed once, so that it is reported once.
    pub(crate) fn excludes(self) -> Option<Self> {
        match self {
            Self::AdmitsAnonymous => Some(Self::DemandsToken),
            Self::SkipsRevocation => Some(Self::ChecksStore),
            Self::None | Self::DemandsToken | Self::ChecksStore => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{ARGUMENTS, Effect, GuardArguments, Mistakes};
    use crate::argument_syntax::parse_arguments;

    /// A correct use of every argument, and the field that it sets.
    pub(crate) const EXAMPLES: [(&str, &str); ARGUMENTS.len()] = [
        ("optional", "optional"),
        ("fresh", "fresh"),
        ("dpop", "dpop"),
        ("max_age = \"10m\"", "max_age"),
        ("scopes(\"a\", B)", "scopes"),
        ("any_scope(\"a\")", "any_scope"),
        ("roles(\"a\")", "roles"),
        ("any_role(\"a\", c::D)", "any_role"),
        ("locations(header, cookie)", "locations"),
        ("audience = \"https://api.example\"", "audience"),
        ("check = may_edit", "check"),
        ("revocation = \"strict\"", "revocation"),
        ("danger(revocation = \"skip\")", "revocation"),
        ("same_origin", "same_origin"),
        ("crate = auth", "crate_path"),
    ];

    /// Every field, and whether it is set. A new field does not compile until it is listed here.
    fn fields(arguments: &GuardArguments) -> Vec<(&'static str, bool)> {
        let GuardArguments {
            optional,
            fresh,
            dpop,
            max_age,
            scopes,
            any_scope,
            roles,
            any_role,
            locations,
            audience,
            check,
            revocation,
            same_origin,
            crate_path,
        } = arguments;
        vec![
            ("optional", *optional),
            ("fresh", *fresh),
            ("dpop", *dpop),
            ("max_age", max_age.is_some()),
            ("scopes", !scopes.is_empty()),
            ("any_scope", !any_scope.is_empty()),
            ("roles", !roles.is_empty()),
            ("any_role", !any_role.is_empty()),
            ("locations", !locations.is_empty()),
            ("audience", audience.is_some()),
            ("check", check.is_some()),
            ("revocation", revocation.is_some()),
            ("same_origin", *same_origin),
            ("crate_path", crate_path.is_some()),
        ]
    }

    #[test]
    fn every_row_has_its_own_name_and_an_attribute() {
        for (index, row) in ARGUMENTS.iter().enumerate() {
            assert!(ARGUMENTS[..index].iter().all(|other| other.name != row.name), "{}", row.name);
            assert!(!row.taken_by.is_empty(), "{} belongs to no attribute", row.name);
        }
    }

    #[test]
    fn every_row_reads_into_its_own_field() {
        for (row, (example, own_field)) in ARGUMENTS.iter().zip(EXAMPLES) {
            assert!(example.starts_with(row.name), "{example} is in the row of {}", row.name);
            let mut mistakes = Mistakes::new();
            let mut arguments = GuardArguments::default();
            let written = parse_arguments(example.parse().expect("tokens"), &mut mistakes);
            (row.read)(&written[0], &mut arguments, &mut mistakes);
            assert!(mistakes.into_errors().is_none(), "{example}");
            for (field, is_set) in fields(&arguments) {
                assert_eq!(is_set, field == own_field, "{example} and the field {field}");
            }
        }
    }

    #[test]
    fn every_field_has_a_row() {
        for (field, _) in fields(&GuardArguments::default()) {
            assert!(EXAMPLES.iter().any(|(_, own_field)| *own_field == field), "{field}");
        }
    }

    #[test]
    fn one_argument_admits_anonymous_requests_and_one_skips_a_check() {
        let names = |effect| {
            let rows = ARGUMENTS.iter().filter(move |row| row.effect == effect);
            rows.map(|row| row.name).collect::<Vec<_>>()
        };
        assert_eq!(names(Effect::AdmitsAnonymous), ["optional"]);
        assert_eq!(names(Effect::SkipsRevocation), ["danger"]);
    }

    #[test]
    fn the_documentation_of_each_attribute_names_its_arguments_and_no_others() {
        let mut rest = include_str!("lib.rs");
        for name in ["jwt_required", "refresh_required", "public", "check", "load_config"] {
            let (docs, after) =
                rest.split_once(&format!("pub fn {name}(")).unwrap_or_else(|| panic!("{name}"));
            rest = after;
            for row in &ARGUMENTS {
                let is_taken = row.taken_by.iter().any(|owner| owner.name() == name);
                let is_documented = docs.contains(&format!("`{}", row.name));
                assert_eq!(is_documented, is_taken, "`{}` and #[{name}]", row.name);
            }
        }
    }
}
