// SPDX-License-Identifier: LGPL-2.1-or-later
// Xenstore over libxenstore.
#include "tools/toolstack/xenstore.hpp"

#include "libsr/base/error.hpp"

// Xen's headers do not know C++.
extern "C" {
#include <xenstore.h>
}

#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>

namespace sr {
namespace {

constexpr const char* watch_token = "xsr";

struct Free {
    void operator()(void* memory) const noexcept
    {
        std::free(memory);
    }  // NOLINT: libxenstore mallocs
};

[[noreturn]] void fail(const char* call, const std::string& path)
{
    throw Error::from_errno(Errc::hypervisor, errno, "xenstore: %s", path.c_str()).with_call(call);
}

}  // namespace

std::optional<std::string> StoreView::read(const std::string& path) const
{
    unsigned length = 0;
    const std::unique_ptr<void, Free> value{xs_read(handle_, transaction_, path.c_str(), &length)};
    if (!value) {
        if (errno == ENOENT) {
            return std::nullopt;
        }
        fail("xs_read", path);
    }
    return std::string(static_cast<const char*>(value.get()), length);
}

std::vector<std::string> StoreView::list(const std::string& path) const
{
    unsigned count = 0;
    const std::unique_ptr<char*, Free> names{
        xs_directory(handle_, transaction_, path.c_str(), &count)};
    if (!names) {
        if (errno == ENOENT) {
            return {};
        }
        fail("xs_directory", path);
    }
    const std::span<char*> each{names.get(), count};
    return {each.begin(), each.end()};
}

void StoreView::write(const std::string& path, const std::string& value) const
{
    if (!xs_write(handle_, transaction_, path.c_str(), value.data(),
                  static_cast<unsigned>(value.size()))) {
        fail("xs_write", path);
    }
}

void StoreView::make(const std::string& path, const StoreAccess& access) const
{
    write(path, "");
    set_access(path, access);
}

void StoreView::set_access(const std::string& path, const StoreAccess& access) const
{
    std::array<xs_permissions, 2> permissions{};
    permissions[0] = {.id = access.owner, .perms = XS_PERM_NONE};
    permissions[1] = {.id = access.reader.value_or(0), .perms = XS_PERM_READ};
    if (!xs_set_permissions(handle_, transaction_, path.c_str(), permissions.data(),
                            access.reader ? 2 : 1)) {
        fail("xs_set_permissions", path);
    }
}

void StoreView::remove(const std::string& path) const
{
    if (!xs_rm(handle_, transaction_, path.c_str()) && errno != ENOENT) {
        fail("xs_rm", path);
    }
}

Xenstore::Xenstore() : handle_{xs_open(0)}
{
    if (handle_ == nullptr) {
        throw Error::from_errno(Errc::hypervisor, errno, "cannot reach xenstored")
            .with_call("xs_open");
    }
}

Xenstore::~Xenstore()
{
    xs_close(handle_);
}

void Xenstore::watch(const std::string& path)
{
    if (!xs_watch(handle_, path.c_str(), watch_token)) {
        fail("xs_watch", path);
    }
}

void Xenstore::unwatch(const std::string& path) noexcept
{
    (void)xs_unwatch(handle_, path.c_str(), watch_token);
}

int Xenstore::poll_fd() const noexcept
{
    return xs_fileno(handle_);
}

void Xenstore::drain_watches() noexcept
{
    for (;;) {
        const std::unique_ptr<char*, Free> fired{xs_check_watch(handle_)};
        if (!fired) {
            return;
        }
    }
}

void Xenstore::introduce(std::uint32_t domid, std::uint64_t store_frame, std::uint32_t store_port)
{
    if (!xs_introduce_domain(handle_, domid, store_frame, store_port)) {
        fail("xs_introduce_domain", "domain " + std::to_string(domid));
    }
}

void Xenstore::resume(std::uint32_t domid)
{
    if (!xs_resume_domain(handle_, domid)) {
        fail("xs_resume_domain", "domain " + std::to_string(domid));
    }
}

std::uint32_t Xenstore::begin()
{
    const xs_transaction_t id = xs_transaction_start(handle_);
    if (id == XBT_NULL) {
        fail("xs_transaction_start", "no transaction");
    }
    return id;
}

void Xenstore::abort(std::uint32_t id) noexcept
{
    (void)xs_transaction_end(handle_, id, true);
}

bool Xenstore::commit(std::uint32_t id)
{
    if (xs_transaction_end(handle_, id, false)) {
        return true;
    }
    if (errno != EAGAIN) {
        fail("xs_transaction_end", "the changes were refused");
    }
    return false;
}

}  // namespace sr
