/*
 * Copyright 2026, The grpc-swift-tunnel Authors
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

// Numbers, sizes and times, as people read them.

const numbers = new Intl.NumberFormat("en");
const decimals = [0, 1, 2].map(
  (digits) => new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }),
);

/** 12,345 */
export function count(value) {
  return numbers.format(value);
}

/** Three digits, or all before the point. */
function short(value) {
  return decimals[value >= 99.5 || value === 0 ? 0 : value >= 9.95 ? 1 : 2].format(value);
}

/** A number and its unit: 1.25 and "MiB". */
export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return { number: unit === 0 ? numbers.format(Math.round(value)) : short(value), unit: units[unit] };
}

/** 1.25 MiB */
export function size(value) {
  const { number, unit } = bytes(value);
  return `${number} ${unit}`;
}

/** 1.25 MiB/s; empty for nothing. */
export function byteRate(value) {
  return value < 0.5 ? "" : `${size(value)}/s`;
}

/** 12.5/s; empty for nothing. */
export function rate(value) {
  return value < 0.005 ? "" : `${short(value)}/s`;
}

/** A short time: 23.1 ms */
export function latency(seconds) {
  if (seconds === undefined) return "";
  return seconds < 1 ? `${short(seconds * 1000)} ms` : `${short(seconds)} s`;
}

/** How long something lasts, to the second at first and coarser later: 3 h 12 min. */
export function age(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const times = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dates = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** When something was, with the day unless it is today. */
export function moment(date, now) {
  const time = times.format(date);
  return date.toDateString() === now.toDateString() ? time : `${dates.format(date)} ${time}`;
}
