// SPDX-License-Identifier: LGPL-2.1-or-later
// xenstored's requests about nodes.
#include "tests/fakexen/store/path.hpp"
#include "tests/fakexen/store/service.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace fakexen::store {

namespace {

constexpr std::string_view ok{"OK\0", 3};

std::string within_payload(std::string text)
{
    if (text.size() > XENSTORE_PAYLOAD_MAX) {
        throw StoreError{E2BIG};
    }
    return text;
}

Permissions parse_permissions(const std::vector<std::string>& arguments)
{
    std::vector<Permission> entries;
    for (std::size_t n = 1; n < arguments.size(); ++n) {
        const auto entry = Permission::parse(arguments[n]);
        if (!entry) {
            throw StoreError{EINVAL};
        }
        entries.push_back(*entry);
    }
    if (entries.empty()) {
        throw StoreError{EINVAL};
    }
    return Permissions{std::move(entries)};
}

std::string shown(const Permissions& permissions)
{
    std::vector<std::string> texts;
    for (const Permission& entry : permissions.entries()) {
        texts.push_back(entry.to_string());
    }
    return join_strings(texts);
}

}  // namespace

std::string Service::answer_node(Caller caller, const Message& message)
{
    const auto path_end = message.payload.find('\0');
    if (path_end == std::string::npos) {
        throw StoreError{EINVAL};
    }
    const std::string path = absolute_path(message.payload.substr(0, path_end), caller.domid);
    switch (message.type) {
    case XS_DIRECTORY:
        return within_payload(join_strings(store_.directory(caller, path)));
    case XS_DIRECTORY_PART:
        return directory_part(caller, split_strings(message.payload));
    case XS_READ:
        return store_.read(caller, path);
    case XS_GET_PERMS:
        return within_payload(shown(store_.permissions(caller, path)));
    case XS_SET_PERMS:
        store_.set_permissions(caller, path, parse_permissions(split_strings(message.payload)));
        return std::string{ok};
    case XS_WRITE:
        store_.write(caller, path, message.payload.substr(path_end + 1));
        return std::string{ok};
    case XS_MKDIR:
        store_.mkdir(caller, path);
        return std::string{ok};
    default:
        store_.remove(caller, path);
        return std::string{ok};
    }
}

/// A directory in pieces: "generation\0" and names from an offset on, an empty name after the last.
std::string Service::directory_part(Caller caller, const Arguments& arguments)
{
    std::size_t offset = 0;
    if (arguments.size() != 2 ||
        std::from_chars(arguments[1].data(), arguments[1].data() + arguments[1].size(), offset)
                .ec != std::errc{}) {
        throw StoreError{EINVAL};
    }
    const std::string path = absolute_path(arguments[0], caller.domid);
    const std::string names = join_strings(store_.directory(caller, path));
    const std::uint64_t generation = store_.tree().generation_of(path).value_or(0);
    std::string part = std::to_string(generation) + '\0';
    if (offset >= names.size()) {
        return part + '\0';
    }
    const std::size_t room = XENSTORE_PAYLOAD_MAX - part.size() - 1;
    std::size_t length = std::min(names.size() - offset, room);
    length = names.rfind('\0', offset + length - 1) + 1 - offset;
    part += names.substr(offset, length);
    return offset + length == names.size() ? part + '\0' : part;
}

}  // namespace fakexen::store
