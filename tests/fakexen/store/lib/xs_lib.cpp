// SPDX-License-Identifier: LGPL-2.1-or-later
// The fake libxenstore.so.4: the functions of xenstore_lib.h, which need no connection.
#include "tests/fakexen/store/permissions.hpp"
#include "tests/fakexen/store/xenstore.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace {

const char* environment_or(const char* name, const char* otherwise) noexcept
{
    const char* const value = std::getenv(name);
    return value == nullptr ? otherwise : value;
}

}  // namespace

extern "C" {

const char* xs_daemon_rundir(void)
{
    return environment_or("XENSTORED_RUNDIR", "/run/xenstored");
}

const char* xs_daemon_socket(void)
{
    return environment_or("XENSTORED_PATH", "/run/xenstored/socket");
}

const char* xs_daemon_socket_ro(void)
{
    return xs_daemon_socket();
}

bool xs_write_all(int fd, const void* data, unsigned int len)
{
    const char* next = static_cast<const char*>(data);
    while (len != 0) {
        const ssize_t done = ::write(fd, next, len);
        if (done < 0 && errno != EINTR) {
            return false;
        }
        if (done > 0) {
            next += done;
            len -= static_cast<unsigned>(done);
        }
    }
    return true;
}

bool xs_strings_to_perms(struct xs_permissions* perms, unsigned int num, const char* strings)
{
    for (unsigned n = 0; n < num; ++n) {
        const auto parsed = fakexen::store::Permission::parse(strings);
        if (!parsed) {
            errno = EINVAL;
            return false;
        }
        perms[n].id = parsed->domid;
        perms[n].perms = (parsed->access.read ? unsigned{XS_PERM_READ} : 0U) |
                         (parsed->access.write ? unsigned{XS_PERM_WRITE} : 0U);
        strings += std::strlen(strings) + 1;
    }
    return true;
}

bool xs_path_is_subpath(const char* parent, const char* child)
{
    const std::size_t length = std::strlen(parent);
    if (std::strcmp(parent, "/") == 0) {
        return true;
    }
    return std::strncmp(parent, child, length) == 0 &&
           (child[length] == '/' || child[length] == '\0');
}

}  // extern "C"
