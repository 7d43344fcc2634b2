import { describe, expect, test } from 'bun:test'
import {
  countedAddress,
  createClientAddress,
  normalisedAddress,
} from '../../src/rate_limits/client_address.ts'

function addressFor(trusted: string[], peer: string | null, forwarded?: string): string | null {
  return createClientAddress(trusted)(peer, new Headers(forwarded ? { 'x-forwarded-for': forwarded } : {}))
}

describe('the client of a request', () => {
  test('is the socket where no proxy is trusted, whatever a header says', () => {
    expect(addressFor([], '203.0.113.9', '1.2.3.4')).toBe('203.0.113.9')
    expect(addressFor(['10.0.0.0/8'], '203.0.113.9', '1.2.3.4')).toBe('203.0.113.9')
    expect(addressFor([], '10.0.0.1', '1.2.3.4')).toBe('10.0.0.1')
  })

  test('is whom a trusted proxy names, and never what stands left of that', () => {
    expect(addressFor(['10.0.0.0/8'], '10.0.0.1', '198.51.100.7')).toBe('198.51.100.7')
    expect(addressFor(['10.0.0.0/8'], '10.0.0.1', '1.2.3.4, 10.0.0.9, 198.51.100.7')).toBe('198.51.100.7')
  })

  test('is found behind a chain of proxies', () => {
    const trusted = ['10.0.0.0/8', '192.0.2.5']
    expect(addressFor(trusted, '10.0.0.1', '6.6.6.6, 198.51.100.7 ,192.0.2.5,  10.9.9.9')).toBe(
      '198.51.100.7',
    )
    expect(addressFor(trusted, '10.0.0.1', '6.6.6.6, 192.0.2.6, 10.9.9.9')).toBe('192.0.2.6')
  })

  test('is the farthest proxy where all of them are trusted or nothing is named', () => {
    expect(addressFor(['10.0.0.0/8'], '10.0.0.1', '10.0.0.3, 10.0.0.2')).toBe('10.0.0.3')
    expect(addressFor(['10.0.0.0/8'], '10.0.0.1')).toBe('10.0.0.1')
  })

  test('is not read past what is no address', () => {
    for (const bad of ['unknown', '', '1.2.3', '1.2.3.4.5', '2001:::1', '1.2.3.4 5.6.7.8', '<script>']) {
      expect(addressFor(['10.0.0.0/8'], '10.0.0.1', `198.51.100.7, ${bad}, 10.0.0.2`)).toBe('10.0.0.2')
    }
  })

  test('comes with a port or in brackets from some proxies', () => {
    expect(addressFor(['10.0.0.1'], '10.0.0.1', '198.51.100.7:4711')).toBe('198.51.100.7')
    expect(addressFor(['10.0.0.1'], '10.0.0.1', '[2001:DB8::7]:4711')).toBe('2001:db8::7')
    expect(addressFor(['10.0.0.1'], '10.0.0.1', '[2001:db8::7]')).toBe('2001:db8::7')
  })

  test('is found by networks of IPv6, and by IPv4 that came mapped into it', () => {
    expect(addressFor(['2001:db8::/32'], '2001:db8:5::1', '2001:db9::1')).toBe('2001:db9::1')
    expect(addressFor(['2001:db8::/32'], '2001:db9::1', '1.2.3.4')).toBe('2001:db9::1')
    expect(addressFor(['::1', '10.0.0.0/8'], '::ffff:10.0.0.1', '1.2.3.4, ::1')).toBe('1.2.3.4')
    expect(addressFor(['0.0.0.0/0'], '2001:db9::1', '1.2.3.4')).toBe('2001:db9::1')
  })

  test('is nobody where there is no socket', () => {
    expect(addressFor(['10.0.0.0/8'], null, '1.2.3.4')).toBeNull()
  })
})

test('an address has one spelling', () => {
  expect(normalisedAddress('2001:0DB8:0:0::0001')).toBe('2001:db8::1')
  expect(normalisedAddress('::ffff:1.2.3.4')).toBe('1.2.3.4')
  expect(normalisedAddress('::ffff:255.0.17.1')).toBe('255.0.17.1')
  expect(normalisedAddress('fe80::1%eth0')).toBe('fe80::1')
  expect(normalisedAddress('example.com')).toBeNull()
})

test('of IPv6 the network of 64 bits is counted', () => {
  expect(countedAddress('1.2.3.4')).toBe('1.2.3.4')
  expect(countedAddress('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64')
  expect(countedAddress('2001:db8::6')).toBe('2001:db8:0:0::/64')
  expect(countedAddress('2001:db8:1:2::')).toBe('2001:db8:1:2::/64')
  expect(countedAddress('::1')).toBe('0:0:0:0::/64')
})
