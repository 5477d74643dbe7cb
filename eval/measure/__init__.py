"""Pictures and clips measured: PSNR, MS-SSIM, VMAF, BD-rate, results."""
