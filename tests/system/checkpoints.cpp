// SPDX-License-Identifier: LGPL-2.1-or-later
// Saves of one guest as checkpoints of one stream.
#include "tests/system/checkpoints.hpp"

#include "libsr/wire/decode.hpp"
#include "libsr/wire/encode.hpp"
#include "libsr/wire/limits.hpp"

#include <algorithm>
#include <stdexcept>

namespace sr::test {
namespace {

bool is_per_checkpoint(RecordType type)
{
    using enum RecordType;
    return type == x86_tsc_info || type == shared_info || type == x86_pv_vcpu_basic ||
           type == x86_pv_vcpu_extended || type == x86_pv_vcpu_xsave || type == x86_pv_vcpu_msrs;
}

/// It has to be there.
auto find_verify(StreamPieces& stream)
{
    const auto verify =
        std::find_if(stream.records.begin(), stream.records.end(),
                     [](const RecordPiece& record) { return record.type == RecordType::verify; });
    if (verify == stream.records.end()) {
        throw std::runtime_error{"the stream has no VERIFY"};
    }
    return verify;
}

StreamPages difference(const StreamPages& before, const StreamPages& now)
{
    StreamPages changed;
    std::set_difference(now.begin(), now.end(), before.begin(), before.end(),
                        std::inserter(changed, changed.end()), [](const auto& a, const auto& b) {
                            return a.first < b.first || (a.first == b.first && a != b);
                        });
    for (const auto& [pfn, page] : before) {
        if (!now.contains(pfn)) {
            changed.insert({pfn, {PageType::xtab, {}}});  // given back to the host
        }
    }
    return changed;
}

}  // namespace

StreamPages pages_of(const StreamPieces& pieces)
{
    StreamPages pages;
    for (const RecordPiece& record : pieces.records) {
        if (record.type != RecordType::page_data) {
            continue;
        }
        std::span<const std::byte> left{record.body};
        const auto entries =
            decode_page_data(left.first(page_data_list_length(load<std::uint32_t>(record.body, 0))),
                             Pfn{limits::pv_pfn_max});
        left = left.subspan(page_data_list_length(entries.size()));
        for (const PageEntry& entry : entries) {
            StreamPage& page = pages[entry.pfn.number()];
            page = {entry.type, {}};
            if (has_contents(entry)) {
                page.contents.assign(left.begin(), left.begin() + page_size);
                left = left.subspan(page_size);
            }
        }
    }
    return pages;
}

StreamPieces behind_verify(const StreamPieces& stream)
{
    StreamPieces rest = stream;
    rest.records.erase(rest.records.begin(), std::next(find_verify(rest)));
    return rest;
}

StreamPieces before_verify(const StreamPieces& stream)
{
    StreamPieces rest = stream;
    rest.records.erase(find_verify(rest), rest.records.end());
    return rest;
}

RecordPiece page_data(std::span<const StreamPages::value_type> pages)
{
    std::vector<PageEntry> entries;
    for (const auto& [pfn, page] : pages) {
        entries.push_back({Pfn{pfn}, page.type});
    }
    RecordPiece record{RecordType::page_data, Octets(page_data_list_length(pages.size()))};
    (void)encode_page_data(record.body, entries);
    for (const auto& [pfn, page] : pages) {
        record.body.insert(record.body.end(), page.contents.begin(), page.contents.end());
    }
    return record;
}

std::vector<RecordPiece> page_records(const StreamPages& pages)
{
    const std::vector<StreamPages::value_type> list{pages.begin(), pages.end()};
    std::vector<RecordPiece> records;
    for (std::size_t at = 0; at < list.size(); at += limits::pages_per_record) {
        const std::size_t nr = std::min(limits::pages_per_record, list.size() - at);
        records.push_back(page_data(std::span{list}.subspan(at, nr)));
    }
    return records;
}

StreamPieces checkpointed(std::span<const Octets> saves)
{
    StreamPieces stream = split(saves.front());
    StreamPages before = pages_of(stream);
    stream.records.back() = {RecordType::checkpoint, {}};
    for (const Octets& save : saves.subspan(1)) {
        const StreamPieces pieces = split(save);
        const StreamPages now = pages_of(pieces);
        const auto changed = page_records(difference(before, now));
        stream.records.insert(stream.records.end(), changed.begin(), changed.end());
        std::copy_if(pieces.records.begin(), pieces.records.end(),
                     std::back_inserter(stream.records),
                     [](const RecordPiece& piece) { return is_per_checkpoint(piece.type); });
        stream.records.push_back({RecordType::checkpoint, {}});
        before = now;
    }
    return stream;
}

}  // namespace sr::test
