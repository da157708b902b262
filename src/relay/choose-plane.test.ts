import { describe, expect, it } from 'vitest';
import { choosePlane } from './choose-plane.ts';

const present = () => ({});
const absent = () => 'this is no Linux';
const untouched = () => {
  throw new Error('nothing native is to be loaded');
};

describe('the data plane', () => {
  it('is batch where its system calls are there', () => {
    expect(choosePlane('auto', present)).toMatchObject({ plane: 'batch' });
    expect(choosePlane('batch', present)).toEqual({ plane: 'batch', why: 'as configured' });
  });

  it('is dgram elsewhere, and says why', () => {
    expect(choosePlane('auto', absent)).toEqual({
      plane: 'dgram',
      why: 'batch cannot be had here: this is no Linux',
    });
  });

  it('is dgram when that was configured, without a look at the system', () => {
    expect(choosePlane('dgram', untouched)).toEqual({ plane: 'dgram', why: 'as configured' });
  });

  it('is none when batch was demanded and cannot be had', () => {
    expect(choosePlane('batch', absent)).toEqual({
      error: 'relay.plane is batch, which cannot be had here: this is no Linux.',
    });
  });
});
