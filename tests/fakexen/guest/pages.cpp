// SPDX-License-Identifier: LGPL-2.1-or-later
// Dirtying and checking plain memory.
#include "tests/fakexen/guest/pages.hpp"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstring>

namespace fakexen::guest {

namespace {

using Words = std::array<std::uint64_t, page_size / 8>;

constexpr std::uint64_t first_writes = 512;  ///< pages first written in one quantum

Words contents_of(std::uint64_t seed, Pfn pfn, std::uint32_t version)
{
    const std::uint64_t base = mix(mix(seed ^ pfn) + version);
    Words words;
    for (std::size_t n = 0; n < words.size(); ++n) {
        words[n] = base ^ n * 0x9e37'79b9'7f4a'7c15;
    }
    words[0] = pfn;  // for whoever looks at a page by eye
    return words;
}

void write_first_time(Kernel& kernel)
{
    State& state = kernel.state;
    std::uint64_t written = 0;
    while (state.filled < state.settings.nr_pfns) {
        for (const PageRecord& record : kernel.records_from(state.filled)) {
            if (record.role == Role::data && record.version == 0) {
                if (written == first_writes) {
                    return;
                }
                rewrite_page(kernel, state.filled);
                ++written;
            }
            ++state.filled;
        }
    }
}

/// The next pfn of plain data from `pfn` on, once around.
std::optional<Pfn> next_data(const Kernel& kernel, Pfn pfn)
{
    const std::uint64_t nr_pfns = kernel.state.settings.nr_pfns;
    for (std::uint64_t n = 0; n < nr_pfns; ++n) {
        const Pfn at = (pfn + n) % nr_pfns;
        if (kernel.record(at).role == Role::data) {
            return at;
        }
    }
    return {};
}

std::optional<Pfn> pick_to_write(Kernel& kernel)
{
    State& state = kernel.state;
    switch (state.settings.dirty_pattern) {
    case DirtyPattern::random:
        break;
    case DirtyPattern::hot:
        return next_data(kernel,
                         state.places.data + kernel.random().below(state.settings.hot_pages));
    case DirtyPattern::stream:
        const auto pfn = next_data(kernel, state.stream_at);
        state.stream_at = pfn ? *pfn + 1 : 0;
        return pfn;
    }
    return kernel.pick_data();
}

}  // namespace

void rewrite_page(Kernel& kernel, Pfn pfn)
{
    PageRecord record = kernel.record(pfn);
    ++record.version;
    const Words words = contents_of(kernel.state.settings.seed, pfn, record.version);
    std::memcpy(kernel.page(pfn, Access::write).data(), words.data(), page_size);
    kernel.set_record(pfn, record);
}

bool page_is_intact(const Kernel& kernel, Pfn pfn, const PageRecord& record)
{
    const auto page = kernel.page(pfn, Access::read);
    if (record.version == 0) {
        return true;
    }
    const Words words = contents_of(kernel.state.settings.seed, pfn, record.version);
    return std::memcmp(page.data(), words.data(), page_size) == 0;
}

std::uint32_t hash_of(std::span<const std::byte, page_size> page)
{
    std::uint64_t hash = 0;
    for (std::size_t at = 0; at < page_size; at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, page.data() + at, sizeof word);
        hash = mix(hash ^ word);
    }
    return static_cast<std::uint32_t>(hash >> 32);
}

void work_on_pages(Kernel& kernel)
{
    write_first_time(kernel);
    for (std::uint32_t n = 0; n < kernel.state.settings.dirty_rate; ++n) {
        if (const auto pfn = pick_to_write(kernel)) {
            rewrite_page(kernel, *pfn);
        }
        if (const auto pfn = kernel.pick_data()) {
            if (!page_is_intact(kernel, *pfn, kernel.record(*pfn))) {
                throw Panic{"pfn %#" PRIx64 " does not hold what was written to it", *pfn};
            }
        }
    }
}

}  // namespace fakexen::guest
