import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Resvg } from '@resvg/resvg-js'
import * as echarts from 'echarts'
import type { Phase } from './cold-warm.ts'
import type { Timeline } from './timeline.ts'

const [WIDTH, HEIGHT] = [960, 480]
const FONT = 'DejaVu Sans'
/** The machine may have no fonts at all, so the charts bring theirs. */
const FONTS = ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((name) =>
  join(dirname(fileURLToPath(import.meta.resolve('dejavu-fonts-ttf/package.json'))), 'ttf', name),
)

const LEGEND = { top: 48, itemGap: 40 }
const BELOW_LEGEND = { top: 110 }
const PERCENTILES = [50, 75, 90, 95, 99, 99.9]
/** What is measured takes from tens of microseconds to seconds. */
const LOGARITHMIC = { type: 'log', name: 'ms', axisLabel: { formatter: '{value}' } } as const

const round = (time: number): number => Math.round(time * 1000) / 1000

/**
 * Draws what was measured: with against without cache, hit rate over time, latency percentiles; each as SVG and PNG.
 *
 * @returns the files
 */
export function drawCharts(
  folder: string,
  { cold, warm, time }: { cold: Phase; warm: Phase; time: Timeline },
): string[] {
  mkdirSync(folder, { recursive: true })
  return [
    ...draw(folder, 'with-against-without', withAgainstWithout(cold, warm)),
    ...draw(folder, 'hit-rate', hitRate(time)),
    ...draw(folder, 'percentiles', percentiles(cold, warm)),
  ]
}

function draw(folder: string, name: string, option: echarts.EChartsOption): string[] {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT })
  chart.setOption({ animation: false, backgroundColor: '#fff', textStyle: { fontFamily: FONT }, ...option })
  const svg = chart.renderToSVGString()
  chart.dispose()
  const font = { fontFiles: FONTS, loadSystemFonts: false, defaultFontFamily: FONT }
  const png = new Resvg(svg, { font, fitTo: { mode: 'zoom', value: 2 } }).render().asPng()
  const [svgFile, pngFile] = [join(folder, `${name}.svg`), join(folder, `${name}.png`)]
  writeFileSync(svgFile, svg)
  writeFileSync(pngFile, png)
  return [svgFile, pngFile]
}

const figures = ({ latencies }: Phase): number[] =>
  [latencies.mean, latencies.median, latencies.percentile(95), latencies.percentile(99)].map(round)

function withAgainstWithout(cold: Phase, warm: Phase): echarts.EChartsOption {
  return {
    title: { text: 'A book, without and with the cache', left: 'center' },
    legend: LEGEND,
    grid: BELOW_LEGEND,
    xAxis: { type: 'category', data: ['mean', 'median', 'p95', 'p99'] },
    yAxis: { type: 'value', name: 'ms' },
    series: [
      { name: 'without (cold)', type: 'bar', data: figures(cold), label: { show: true, position: 'top' } },
      { name: 'with (warm)', type: 'bar', data: figures(warm), label: { show: true, position: 'top' } },
    ],
  }
}

function hitRate({ slices, clearedAt }: Timeline): echarts.EChartsOption {
  const line = (name: string, of: (slice: Timeline['slices'][number]) => number) =>
    ({ name, type: 'line', showSymbol: false, data: slices.map((slice) => [slice.at, of(slice)]) }) as const
  return {
    title: { text: 'Hit rate over time, from empty caches on', left: 'center' },
    legend: LEGEND,
    grid: BELOW_LEGEND,
    xAxis: { type: 'value', name: 's' },
    yAxis: { type: 'value', name: '%', min: 0, max: 100 },
    series: [
      {
        ...line('both tiers', ({ hitRate: percent }) => percent),
        markLine: {
          symbol: 'none',
          label: { formatter: 'cleared' },
          data: [{ xAxis: Math.round(clearedAt * 100) / 100 }],
        },
      },
      line('L1', ({ l1 }) => l1),
      line('L2', ({ l2 }) => l2),
    ],
  }
}

function percentiles(cold: Phase, warm: Phase): echarts.EChartsOption {
  const line = ({ name, latencies }: Phase) =>
    ({ name, type: 'line', data: PERCENTILES.map((part) => round(latencies.percentile(part))) }) as const
  return {
    title: { text: 'Latency by percentile', left: 'center' },
    legend: LEGEND,
    grid: BELOW_LEGEND,
    xAxis: { type: 'category', data: PERCENTILES.map((part) => `p${part}`) },
    yAxis: LOGARITHMIC,
    series: [line(cold), line(warm)],
  }
}
