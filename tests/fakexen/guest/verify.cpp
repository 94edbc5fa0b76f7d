// SPDX-License-Identifier: LGPL-2.1-or-later
// The guest's verdict on itself.
#include "tests/fakexen/guest/verify.hpp"

#include "tests/fakexen/guest/grant_records.hpp"
#include "tests/fakexen/guest/pages.hpp"
#include "tests/fakexen/guest/processes.hpp"

#include <array>
#include <cinttypes>
#include <cstdarg>
#include <cstdio>

namespace fakexen::guest {

namespace {

/// Whether a page holds what its record says. One that another domain may write does not have to.
bool holds_own_data(const PageRecord& record)
{
    return record.role == Role::data ||
           (record.role == Role::granted && is_read_only(static_cast<GrantKind>(record.level)));
}

class Inspection {
public:
    Inspection(Kernel& kernel, std::vector<std::string> wrong)
        : kernel_{kernel}, wrong_{std::move(wrong)}
    {
    }

    void run();
    [[nodiscard]] const std::vector<std::string>& wrong() const noexcept { return wrong_; }
    [[nodiscard]] std::uint64_t nr_pages() const noexcept { return nr_pages_; }
    [[nodiscard]] std::uint64_t nr_tables() const noexcept { return nr_tables_; }

private:
    void complain(const char* format, ...) __attribute__((format(printf, 2, 3)));
    void check_pfn(Pfn pfn);
    void check_absent(Pfn pfn, const PageRecord& record);
    [[nodiscard]] bool check_mapping(Pfn pfn, bool writable);
    void check_contents(Pfn pfn, const PageRecord& record);
    void check_protected(Pfn pfn);
    void check_process(const Process& process);
    void check_table(const Process& process, unsigned part);
    void check_pin(Pfn pfn, unsigned level, bool want);

    Kernel& kernel_;
    std::vector<std::string> wrong_;
    std::uint64_t nr_pages_ = 0;
    std::uint64_t nr_tables_ = 0;
};

void Inspection::complain(const char* format, ...)
{
    char text[200] = {};
    std::va_list args;
    va_start(args, format);
    (void)std::vsnprintf(text, sizeof text, format, args);
    va_end(args);
    wrong_.emplace_back(text);
}

void Inspection::run()
{
    for (Pfn pfn = 0; pfn < kernel_.state.settings.nr_pfns; ++pfn) {
        check_pfn(pfn);
    }
    for (const Process& process : kernel_.state.processes) {
        if (process.hold != Hold::unused) {
            check_process(process);
        }
    }
    check_pin(kernel_.state.places.top_table, kernel_.abi().levels, true);
}

void Inspection::check_pfn(Pfn pfn)
{
    const PageRecord record = kernel_.record(pfn);
    switch (record.role) {
    case Role::odd:
        break;
    case Role::hole:
    case Role::ballooned:
        check_absent(pfn, record);
        break;
    case Role::fixed:
    case Role::data:
    case Role::granted:
    case Role::twin:
        if (check_mapping(pfn, true)) {
            check_contents(pfn, record);
        }
        break;
    case Role::table:
    case Role::process:
    case Role::gdt:
    case Role::stale:
        if (check_mapping(pfn, false)) {
            check_contents(pfn, record);
        }
        break;
    }
}

void Inspection::check_absent(Pfn pfn, const PageRecord& record)
{
    const bool identity = record.role == Role::hole && record.level != 0;
    const std::uint64_t want = identity ? kernel_.abi().identity_entry(pfn) : no_mfn;
    if (kernel_.p2m(pfn) != want) {
        complain("pfn %#" PRIx64 " is a hole, but its p2m entry is %#" PRIx64, pfn,
                 kernel_.p2m(pfn));
    }
    if (kernel_.space().find(kernel_.abi().direct(pfn))) {
        complain("pfn %#" PRIx64 " is a hole, but is mapped", pfn);
    }
}

/// p2m, M2P and direct map agree on a page, and it is as writable as it should be.
bool Inspection::check_mapping(Pfn pfn, bool writable)
{
    const Mfn mfn = kernel_.p2m(pfn);
    const auto mapping = kernel_.space().find(kernel_.abi().direct(pfn));
    if (mfn == no_mfn || !mapping || mapping->mfn != mfn ||
        kernel_.machine().frame(mfn) == nullptr) {
        complain("pfn %#" PRIx64 ": p2m says mfn %#" PRIx64 ", the page tables say %#" PRIx64, pfn,
                 mfn, mapping ? mapping->mfn : no_mfn);
        return false;
    }
    if (kernel_.machine().m2p(mfn) != pfn) {
        complain("pfn %#" PRIx64 ": the M2P says %#" PRIx64, pfn, kernel_.machine().m2p(mfn));
    }
    if (mapping->writable != writable) {
        complain("pfn %#" PRIx64 " is mapped %s", pfn, writable ? "read-only" : "writable");
    }
    return true;
}

void Inspection::check_contents(Pfn pfn, const PageRecord& record)
{
    ++nr_pages_;
    if (holds_own_data(record) && !page_is_intact(kernel_, pfn, record)) {
        complain("pfn %#" PRIx64 " does not hold version %" PRIu32, pfn, record.version);
    } else if (record.role == Role::stale &&
               hash_of(kernel_.page(pfn, Access::read)) != record.version) {
        complain("pfn %#" PRIx64 ", once a table and now plain data, has changed", pfn);
    } else if (record.role == Role::table) {
        check_protected(pfn);
        ++nr_tables_;
    }
}

/// Xen must not let a page table be mapped writable.
void Inspection::check_protected(Pfn pfn)
{
    const Va va = kernel_.abi().direct(pfn);
    const auto entry = pte::make(kernel_.p2m(pfn), pte::read_write);
    if (kernel_.machine().update_va_mapping(va, entry) >= 0) {
        complain("pfn %#" PRIx64 " is a page table, but could be mapped writable", pfn);
        kernel_.remap(pfn, pte::read_only);
    }
}

void Inspection::check_process(const Process& process)
{
    for (unsigned part = 1; part <= kernel_.abi().nr_parts(process.top); ++part) {
        check_table(process, part);
        check_pin(process.table[part], kernel_.abi().level_of(part),
                  process.hold == Hold::pinned && part == process.top);
        check_protected(process.table[part]);
        ++nr_tables_;
    }
}

void Inspection::check_table(const Process& process, unsigned part)
{
    const Abi& abi = kernel_.abi();
    const Pfn pfn = process.table[part];
    // Whether a top-level entry of PAE may be written through is Xen's to say.
    const std::uint64_t extra = abi.has_high_table() && part == abi.levels ? pte::writable : 0;
    for (std::size_t slot = 0; slot < entries_per_table; ++slot) {
        if (abi.is_xen_slot(part, slot)) {
            continue;
        }
        const auto raw = kernel_.load<std::uint64_t>(pfn, slot * 8);
        const auto want = kernel_.load<std::uint64_t>(process.twin[part], slot * 8);
        const auto got = normalised(kernel_, raw);
        const std::uint64_t ignored = (want & pte::present) != 0 ? changeable_bits | extra : 0;
        if (!got || (*got & ~ignored) != (want & ~ignored)) {
            complain("table pfn %#" PRIx64 " (L%u) slot %zu is %#" PRIx64
                     ", not pfn entry %#" PRIx64,
                     pfn, abi.level_of(part), slot, raw, want);
        }
    }
}

/// A pinned table can be unpinned (and is pinned again at once), any other cannot.
void Inspection::check_pin(Pfn pfn, unsigned level, bool want)
{
    const Mfn mfn = kernel_.p2m(pfn);
    const bool got = kernel_.machine().mmuext(MMUEXT_UNPIN_TABLE, mfn) >= 0;
    if (got && want) {
        must(kernel_.machine().mmuext(MMUEXT_PIN_L1_TABLE + level - 1, mfn),
             "pinning a table again");
    } else if (got != want) {
        complain("table pfn %#" PRIx64 " (L%u) is %s", pfn, level,
                 got ? "pinned, and should not be" : "not pinned any more");
    }
}

}  // namespace

void check_everything(Kernel& kernel, std::vector<std::string> wrong)
{
    Inspection inspection{kernel, std::move(wrong)};
    inspection.run();
    Verdict& verdict = kernel.state.verdict;
    ++verdict.checks;
    verdict.nr_pages = inspection.nr_pages();
    verdict.nr_tables = inspection.nr_tables();
    verdict.nr_wrong = inspection.wrong().size();
    verdict.text.fill('\0');
    std::string all;
    for (const std::string& one : inspection.wrong()) {
        all += (all.empty() ? "" : "; ") + one;
    }
    all.copy(verdict.text.data(), verdict.text.size() - 1);
}

std::uint64_t fingerprint_of(const Kernel& kernel)
{
    std::uint64_t hash = mix(kernel.state.random ^ kernel.state.count);
    for (Pfn pfn = 0; pfn < kernel.state.settings.nr_pfns;) {
        const auto records = kernel.records_from(pfn);
        for (const PageRecord& record : records) {
            // What a stale page holds are machine frames, which differ from host to host.
            const std::uint64_t version = record.role == Role::stale ? 0 : record.version;
            hash =
                mix(hash ^ version ^ std::uint64_t{static_cast<std::uint8_t>(record.role)} << 32 ^
                    std::uint64_t{record.owner} << 48);
        }
        pfn += records.size();
    }
    return hash;
}

std::string verdict_of(const State& state)
{
    const Verdict& verdict = state.verdict;
    if (verdict.checks == 0) {
        return "not checked yet";
    }
    if (verdict.nr_wrong == 0) {
        return "intact " + std::to_string(verdict.nr_pages) + " pages, " +
               std::to_string(verdict.nr_tables) + " tables";
    }
    return "BROKEN in " + std::to_string(verdict.nr_wrong) + " places: " + verdict.text.data();
}

}  // namespace fakexen::guest
