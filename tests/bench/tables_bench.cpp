// SPDX-License-Identifier: LGPL-2.1-or-later
// Page tables per second: normalising and localising full and sparse level 1 tables of guests whose frames lie in runs
// or all over the host.
#include "libsr/base/error.hpp"
#include "libsr/mem/guest_abi.hpp"
#include "libsr/mem/localise.hpp"
#include "libsr/mem/m2p.hpp"
#include "libsr/mem/normalise.hpp"
#include "libsr/mem/p2m.hpp"

#include <algorithm>
#include <benchmark/benchmark.h>
#include <cstdint>
#include <numeric>
#include <random>
#include <span>
#include <vector>

namespace sr::bench {
namespace {

constexpr std::uint64_t nr_pfns = (std::uint64_t{1} << 30) / page_size;  // a guest of 1 GiB
constexpr std::uint64_t nr_frames = 16 * nr_pfns;                        // on a host of 16 GiB
constexpr std::size_t nr_tables = nr_pfns / entries_per_table;
constexpr std::uint64_t present_writable_user = 7;

/// A guest and its host's M2P; and for each of its level 1 tables, the entries.
class Guest {
public:
    /// @param run     frames that lie together
    /// @param stride  one entry in so many is present
    Guest(std::uint64_t run, unsigned stride)
        : p2m_(nr_pfns), m2p_(nr_frames, M2p::invalid_entry), tables_(nr_pfns)
    {
        std::vector<std::uint64_t> runs(nr_frames / run);
        std::iota(runs.begin(), runs.end(), std::uint64_t{0});
        // NOLINTNEXTLINE(cert-msc32-c,cert-msc51-cpp): the same order each time
        std::shuffle(runs.begin(), runs.end(), std::mt19937_64{1});
        for (std::uint64_t pfn = 0; pfn < nr_pfns; ++pfn) {
            const std::uint64_t mfn = runs[pfn / run] * run + pfn % run;
            p2m_[pfn] = mfn;
            m2p_[mfn] = pfn;
            tables_[pfn] = pfn % stride == 0 ? mfn << 12 | present_writable_user : 0;
        }
    }

    [[nodiscard]] std::span<const std::byte> p2m() const { return std::as_bytes(std::span{p2m_}); }
    [[nodiscard]] std::span<const std::byte> m2p() const { return std::as_bytes(std::span{m2p_}); }
    [[nodiscard]] TableOctets table(std::size_t number) const
    {
        return std::as_bytes(std::span{tables_}).subspan(number * page_size).first<page_size>();
    }
    [[nodiscard]] std::uint64_t mfn(std::uint64_t pfn) const { return p2m_[pfn]; }

private:
    std::vector<std::uint64_t> p2m_;
    std::vector<std::uint64_t> m2p_;
    std::vector<std::uint64_t> tables_;
};

/// Arguments: frames in a run, and one entry in so many is present.
Guest guest_of(const benchmark::State& state)
{
    return {static_cast<std::uint64_t>(state.range(0)), static_cast<unsigned>(state.range(1))};
}

void normalise(benchmark::State& state)
{
    const Guest guest = guest_of(state);
    const GuestAbi& abi = guest_abi(GuestWidth::bits64);
    const M2p m2p{guest.m2p()};
    const GuestP2m p2m{abi, guest.p2m(), Pfn{nr_pfns - 1}};
    const FrameTranslator translator{m2p, p2m};
    alignas(page_size) std::array<std::byte, page_size> to{};
    std::size_t number = 0;
    for ([[maybe_unused]] auto _ : state) {
        const auto outcome =
            normalise_table(guest.table(number), to, PageType::l1, abi, std::nullopt, translator);
        if (!outcome) {
            throw to_error(outcome, Pfn{number}, PageType::l1);
        }
        benchmark::DoNotOptimize(to.data());
        benchmark::ClobberMemory();
        number = (number + 1) % nr_tables;
    }
    state.SetItemsProcessed(state.iterations());
}

void localise(benchmark::State& state)
{
    const Guest guest = guest_of(state);
    const GuestAbi& abi = guest_abi(GuestWidth::bits64);
    RestoreP2m p2m{abi, Pfn{nr_pfns - 1}};
    for (std::uint64_t pfn = 0; pfn < nr_pfns; ++pfn) {
        p2m.set_mfn(Pfn{pfn}, Mfn{guest.mfn(pfn)});
    }
    const auto lookup = [&](Pfn pfn) { return p2m.mfn_of(pfn); };
    const auto stride = static_cast<std::uint64_t>(state.range(1));
    std::array<std::uint64_t, entries_per_table> entries{};
    std::size_t number = 0;
    for ([[maybe_unused]] auto _ : state) {
        for (std::uint64_t slot = 0; slot < entries.size(); ++slot) {
            const std::uint64_t pfn = number * entries_per_table + slot;
            entries[slot] = pfn % stride == 0 ? pfn << 12 | present_writable_user : 0;
        }
        const auto table = std::as_writable_bytes(std::span{entries}).first<page_size>();
        const auto outcome = localise_table(table, PageType::l1, abi, Pfn{nr_pfns - 1}, lookup);
        if (!outcome) {
            throw to_error(outcome, Pfn{number}, PageType::l1);
        }
        benchmark::DoNotOptimize(entries.data());
        number = (number + 1) % nr_tables;
    }
    state.SetItemsProcessed(state.iterations());
}

void cases(benchmark::internal::Benchmark* to)
{
    to->ArgNames({"run", "one_in"});
    for (const int run : {64, 1}) {
        for (const int one_in : {1, 16}) {
            to->Args({run, one_in});
        }
    }
}

BENCHMARK(normalise)->Apply(cases);
BENCHMARK(localise)->Apply(cases);

}  // namespace
}  // namespace sr::bench

BENCHMARK_MAIN();
