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
    if (!partial_path_.empty()) {
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

void OutputFile::open_partial(bool may_replace)
{
    const std::string partial = resolved(path_) + ".partial";
    const int exclusive = may_replace ? O_TRUNC : O_EXCL;
    fd_ =
        Fd{::open(partial.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | exclusive, 0600)};
    if (!fd_ && errno == EEXIST) {
        throw Error{
            Errc::usage,
            "%s exists: another save is writing it, or left it behind; replace it with --force",
            partial.c_str()};
    }
    if (!fd_) {
        throw Error::from_errno(Errc::io, errno, "cannot create %s", partial.c_str())
            .with_call("open");
    }
    partial_path_ = partial;
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

void OutputFile::commit()
{
    if (partial_path_.empty()) {
        return;
    }
    if (::fsync(fd_.get()) != 0) {
        throw Error::from_errno(Errc::io, errno, "writing %s", partial_path_.c_str())
            .with_call("fsync");
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
