# For packaging/try, tests/run and .ci/run, which set $top and read this with `.`:
# who builds, with which cargo, and installing what is missing.

rust_needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$top/Cargo.toml")
target=${CARGO_TARGET_DIR:-$top/target}
case $target in
/*) ;;
*)
    target=$PWD/$target
    export CARGO_TARGET_DIR="$target"
    ;;
esac

die() {
    echo "${0##*/}: $*" >&2
    exit 2
}

need_root() {
    [ "$(id -u)" -eq 0 ] || die "must be run as root: sudo $0"
}

# --- who builds -----------------------------------------------------------------------------
# Under sudo that is the one who called it, so that target/ stays theirs; else root.

builder=0
builder_group=0
if [ "${SUDO_UID:-0}" -ne 0 ] && [ "$(id -u)" -eq 0 ] &&
    setpriv --reuid "$SUDO_UID" --regid "$SUDO_GID" --init-groups test -w "$top"; then
    builder=$SUDO_UID
    builder_group=$SUDO_GID
    HOME=$(getent passwd "$builder" | cut -d: -f6)
    export HOME
fi
# rustup installs there, and sudo takes it out of PATH.
PATH=$HOME/.cargo/bin:$PATH:/usr/sbin:/sbin
export PATH

as_builder() {
    if [ "$builder" -eq "$(id -u)" ]; then
        "$@"
    else
        setpriv --reuid "$builder" --regid "$builder_group" --init-groups "$@"
    fi
}

# --- what is needed -------------------------------------------------------------------------

missing=

# want PACKAGE CONDITION...: PACKAGE is missing unless the condition holds.
want() {
    package=$1
    shift
    "$@" || missing="$missing $package"
}

have() {
    command -v "$1" >/dev/null
}

have_file() {
    for file in "$@"; do
        [ -e "$file" ] && return 0
    done
    return 1
}

# at_least HAVE NEEDED: compares version numbers.
at_least() {
    [ "$(printf '%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

apt_update() {
    [ -n "${apt_updated:-}" ] || apt-get update -q
    apt_updated=yes
}

# What `want` found missing, named as this distribution names it.
install_missing() {
    if [ -z "$missing" ]; then
        return 0
    elif have apt-get; then
        apt_update
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
    elif have dnf; then
        # shellcheck disable=SC2086
        dnf install -q -y $missing
    else
        die "missing:$missing (neither apt-get nor dnf is here to install it)"
    fi
    missing=
}

# packages DEBIAN FEDORA: the first where apt-get is, else the second.
packages() {
    if have apt-get; then echo "$1"; else echo "$2"; fi
}

# A compiler, libpam to link with, and su, findmnt, nsenter, setpriv, unshare.
want_build_tools() {
    want gcc have cc
    want "$(packages libc6-dev glibc-devel)" have_file /usr/include/stdio.h
    want "$(packages libpam0g-dev pam-devel)" have_file /usr/include/security/pam_appl.h
    for tool in su runuser findmnt nsenter setpriv unshare pivot_root logger; do
        want util-linux have "$tool"
    done
}

# What the feature `selinux` is linked with.
want_libselinux() {
    want "$(packages libselinux1-dev libselinux-devel)" have_file /usr/include/selinux/selinux.h
}

# cargo, if there is none. Debian 12 has a new one as cargo-web, beside its old cargo.
want_rust() {
    have cargo && return 0
    if have apt-get; then
        apt_update
        for kind in "" -web; do
            version=$(apt-cache policy "rustc$kind" | sed -n 's/^  Candidate: \([0-9.]*\).*/\1/p')
            if [ -n "$version" ] && at_least "$version" "$rust_needed"; then
                missing="$missing cargo$kind rustc$kind"
                return 0
            fi
        done
        die "Rust $rust_needed or newer is needed, and no package here has it: see https://rustup.rs"
    fi
    missing="$missing cargo rust"
}

check_rust() {
    version=$(as_builder rustc --version | cut -d' ' -f2)
    at_least "$version" "$rust_needed" ||
        die "Rust $rust_needed or newer is needed, and $(command -v rustc) is $version: see https://rustup.rs"
}
