// SPDX-License-Identifier: LGPL-2.1-or-later
// FILE.partial, fsync, rename.
#include "tools/xsr/output_file.hpp"

#include "libsr/base/error.hpp"
#include "tools/xsr/units.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace sr {
namespace {

std::optional<struct stat> status_of(const std::string& path)
{
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) {
        return status;
    }
    if (errno != ENOENT) {
        throw Error::from_errno(Errc::io, errno, "%s", path.c_str()).with_call("stat");
    }
    return std::nullopt;
}

/// Where a chain of symbolic links ends, so that a rename replaces the file and not the link.
std::string resolved(const std::string& path)
{
    std::error_code error;
    const auto target = std::filesystem::weakly_canonical(path, error);
    return error ? path : target.string();
}

}  // namespace

OutputFile::OutputFile(std::string path, bool may_replace) : path_{std::move(path)}
{
    if (is_stdout()) {
        if (::isatty(STDOUT_FILENO) == 1) {
            throw Error{Errc::usage,
                        "a domain's memory does not go to a terminal: name a file or pipe it on"};
        }
        fd_ = Fd{::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)};
        return;
    }
    const auto status = status_of(path_);
    if (status && S_ISDIR(status->st_mode)) {
        throw Error{Errc::usage, "%s is a directory", path_.c_str()};
    }
    if (status && !S_ISREG(status->st_mode)) {
        open_in_place();
        return;
    }
    if (status && !may_replace) {
        throw Error{Errc::usage, "%s exists: choose another name, or replace it with --force",
                    path_.c_str()};
    }
    open_partial(may_replace);
}

OutputFile::~OutputFile()
{
    if (!partial_path_.empty() && is_named(partial_path_)) {
        (void)::unlink(partial_path_.c_str());
    }
}

void OutputFile::open_in_place()
{
    fd_ = Fd{::open(path_.c_str(), O_WRONLY | O_CLOEXEC)};
    if (!fd_) {
        throw Error::from_errno(Errc::io, errno, "cannot open %s", path_.c_str()).with_call("open");
    }
}

/// The partial file is locked for as long as it is written: without the lock nobody truncates it.
void OutputFile::open_partial(bool may_replace)
{
    const std::string partial = resolved(path_) + ".partial";
    constexpr int flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW;
    do {
        fd_ = Fd{::open(partial.c_str(), flags | O_CREAT | O_EXCL, 0600)};
        const bool is_new = static_cast<bool>(fd_);
        if (!is_new && errno == EEXIST) {
            fd_ = Fd{::open(partial.c_str(), flags)};
            if (!fd_ && errno == ENOENT) {
                continue;  // whoever wrote it has ended just now
            }
        }
        if (!fd_) {
            throw Error::from_errno(Errc::io, errno, "cannot create %s", partial.c_str())
                .with_call("open");
        }
        lock(partial, is_new);
        if (!is_new && !may_replace && is_named(partial)) {
            throw Error{Errc::usage, "%s exists: a save that was cut off left it; use --force",
                        partial.c_str()};
        }
    } while (!is_named(partial));
    partial_path_ = partial;
    if (::ftruncate(fd_.get(), 0) != 0) {
        throw Error::from_errno(Errc::io, errno, "emptying %s", partial.c_str())
            .with_call("ftruncate");
    }
}

/// A file system without locks keeps nobody from a file of one's own making.
void OutputFile::lock(const std::string& partial, bool is_new) const
{
    if (::flock(fd_.get(), LOCK_EX | LOCK_NB) == 0) {
        return;
    }
    if (errno == EWOULDBLOCK) {
        throw Error{Errc::usage, "%s: another save is writing it right now", partial.c_str()};
    }
    if (!is_new) {
        throw Error::from_errno(Errc::io, errno, "cannot find out whether a save is writing %s",
                                partial.c_str())
            .with_call("flock");
    }
}

/// Whether it is still our file that has this name: another save may have renamed or removed it.
bool OutputFile::is_named(const std::string& partial) const
{
    struct stat ours {};
    struct stat named {};
    return fd_ && ::fstat(fd_.get(), &ours) == 0 && ::lstat(partial.c_str(), &named) == 0 &&
           ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

void OutputFile::check_room(std::uint64_t octets) const
{
    struct statvfs room {};
    if (partial_path_.empty() || ::fstatvfs(fd_.get(), &room) != 0) {
        return;  // a pipe has no size, and a file system that does not say may have room
    }
    const std::uint64_t available = std::uint64_t{room.f_bavail} * room.f_frsize;
    if (available < octets) {
        throw Error::from_errno(
            Errc::io, ENOSPC, "%s needs %s, its file system has %s (--force tries all the same)",
            path_.c_str(), format_octets(octets).c_str(), format_octets(available).c_str());
    }
}

bool OutputFile::is_regular() const
{
    struct stat status {};
    return ::fstat(fd_.get(), &status) == 0 && S_ISREG(status.st_mode);
}

void OutputFile::sync(const CancelToken& cancel)
{
    if (partial_path_.empty() && !is_regular()) {
        return;  // a pipe or a device has been handed everything, and that is all one can know
    }
    const int error = ::fsync(fd_.get()) == 0 ? 0 : errno;
    cancel.check();  // fsync is not interrupted, or fails with EINTR
    if (error != 0) {
        throw Error::from_errno(Errc::io, error, "writing %s",
                                partial_path_.empty() ? path_.c_str() : partial_path_.c_str())
            .with_call("fsync");
    }
}

void OutputFile::publish()
{
    if (partial_path_.empty()) {
        return;
    }
    if (!is_named(partial_path_)) {
        throw Error{Errc::io, "%s was removed or replaced while it was written",
                    partial_path_.c_str()};
    }
    const std::string target = resolved(path_);
    if (std::rename(partial_path_.c_str(), target.c_str()) != 0) {
        throw Error::from_errno(Errc::io, errno, "naming %s", path_.c_str()).with_call("rename");
    }
    partial_path_.clear();
    sync_directory();
}

/// Makes the new name itself last. The file is complete either way, so a failure is not one.
void OutputFile::sync_directory() const
{
    const auto directory = std::filesystem::path{resolved(path_)}.parent_path();
    const Fd opened{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (opened) {
        (void)::fsync(opened.get());
    }
}

}  // namespace sr
