// SPDX-License-Identifier: LGPL-2.1-or-later
// malloc()ed strings for callers written in C.
#include "tests/fakexen/store/lib/strings.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <numeric>

namespace fakexen::store {

char* allocated(std::string_view text) noexcept
{
    auto* const copy = static_cast<char*>(std::malloc(text.size() + 1));
    if (copy == nullptr) {
        errno = ENOMEM;
        return nullptr;
    }
    *std::copy(text.begin(), text.end(), copy) = '\0';
    return copy;
}

char** allocated(const std::vector<std::string>& strings) noexcept
{
    const std::size_t octets = std::accumulate(
        strings.begin(), strings.end(), std::size_t{0},
        [](std::size_t sum, const std::string& one) { return sum + one.size() + 1; });
    void* const block =
        std::malloc(std::max<std::size_t>(1, strings.size() * sizeof(char*) + octets));
    if (block == nullptr) {
        errno = ENOMEM;
        return nullptr;
    }
    auto** const pointers = static_cast<char**>(block);
    char* text = static_cast<char*>(block) + strings.size() * sizeof(char*);
    for (std::size_t n = 0; n < strings.size(); ++n) {
        pointers[n] = text;
        text = std::copy(strings[n].begin(), strings[n].end(), text);
        *text++ = '\0';
    }
    return pointers;
}

}  // namespace fakexen::store
