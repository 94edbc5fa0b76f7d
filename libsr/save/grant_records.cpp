// SPDX-License-Identifier: LGPL-2.1-or-later
// Normalising grant entries, and writing them.
#include "libsr/save/grant_records.hpp"

#include "libsr/wire/encode.hpp"
#include "libsr/wire/limits.hpp"

#include <cinttypes>

namespace sr {
namespace {

void check_size(const Domain& domain, const GrantTableSize& size)
{
    if (size.nr_frames > limits::grant_frames_max) {
        throw Error{Errc::limit,
                    "the grant table of domain %u has %" PRIu32 " frames, at most %" PRIu32
                    " can be recorded",
                    domain.domid(), size.nr_frames, limits::grant_frames_max};
    }
}

}  // namespace

void write_grant_table_info(const Domain& domain, GrantTable& grants,
                            std::optional<GrantVersion> max_version, StreamWriter& writer,
                            Logger& log)
{
    const GrantTableSize size = grants.size();
    check_size(domain, size);
    grants.map();
    if (max_version && *max_version < size.version) {
        log.warning("domain %u uses grant table version %" PRIu32 ", so it is not true that it may "
                    "use at most version %" PRIu32,
                    domain.domid(), number_of(size.version), number_of(*max_version));
        max_version.reset();
    }
    const GrantTableInfoLayout body = encode_grant_table_info({.version = size.version,
                                                               .nr_frames = size.nr_frames,
                                                               .max_frames = size.max_frames,
                                                               .max_version = max_version});
    writer.write_record(RecordType::grant_table_info, {octets_of(body)});
}

void write_grant_table_entries(const Domain& domain, GrantTable& grants,
                               const FrameTranslator& translator, StreamWriter& writer, Logger& log)
{
    const GrantTableCopy copy = grants.read(GrantStatus::read);
    check_size(domain, copy.size);
    GrantTableEntries table{
        .version = copy.size.version, .nr_frames = copy.size.nr_frames, .entries = {}};
    table.entries.reserve(copy.entries.size());
    std::size_t nr_foreign = 0;
    for (const GrantEntry& entry : copy.entries) {
        std::optional<Pfn> pfn;
        if (entry.names_frame()) {
            const PfnOrWhy found = translator.pfn_of(Mfn{entry.frame->number()});
            if (found.why == NoPfn::none) {
                pfn = found.pfn;
            } else {
                ++nr_foreign;
                log.debug("grant %" PRIu32 " names mfn %#" PRIx64 ", which %s", entry.ref,
                          entry.frame->number(), to_string(found.why));
            }
        }
        table.entries.push_back(with_frame(entry, pfn));
    }
    writer.write_record(RecordType::grant_table_entries, {encode_grant_table_entries(table)});
    log.verbose("domain %u: grant table of version %" PRIu32 ", %zu entries of %" PRIu32
                " frames recorded; %zu name frames that are not its own",
                domain.domid(), number_of(table.version), table.entries.size(), table.nr_frames,
                nr_foreign);
}

}  // namespace sr
